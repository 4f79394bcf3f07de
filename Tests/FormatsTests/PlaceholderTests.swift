import Testing

@Test func formatsPlaceholder() { #expect(Bool(true)) }

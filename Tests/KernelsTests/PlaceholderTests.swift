import Testing

@Test func kernelsPlaceholder() { #expect(Bool(true)) }

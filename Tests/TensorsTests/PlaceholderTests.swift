import Testing

@Test func tensorsPlaceholder() { #expect(Bool(true)) }

import Testing

@Test func tokenizersPlaceholder() { #expect(Bool(true)) }

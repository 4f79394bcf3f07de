import Testing

@Test func trainingPlaceholder() { #expect(Bool(true)) }

import Testing

@Test func modelsPlaceholder() { #expect(Bool(true)) }

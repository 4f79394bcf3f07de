import Testing

@Test func workbenchPlaceholder() { #expect(Bool(true)) }

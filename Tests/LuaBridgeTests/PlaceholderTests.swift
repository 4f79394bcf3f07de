import Testing

@Test func luabridgePlaceholder() { #expect(Bool(true)) }

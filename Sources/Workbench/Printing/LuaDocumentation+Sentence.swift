import LuaBridge

extension LuaDocumentation {
    /// The first sentence of what is said.
    var sentence: String {
        guard let end = signature.doc.firstRange(of: ". ") else { return signature.doc }
        return String(signature.doc[..<end.lowerBound]) + "."
    }
}

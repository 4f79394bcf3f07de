/// Numbers as people read them.
public enum Figures {
    /// With `digits` digits after the point, at most 15: "0.50".
    public static func fixed(_ value: Double, _ digits: Int) -> String {
        let digits = min(max(0, digits), 15)
        let scaled = (abs(value) * power(digits)).rounded()
        guard value.isFinite, abs(value) < 1e12, let whole = Int64(exactly: scaled) else { return "\(value)" }
        let text = String(whole)
        let padded = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
        return (value < 0 && whole > 0 ? "-" : "") + padded.dropLast(digits) + (digits > 0 ? "." : "")
            + padded.suffix(digits)
    }

    /// Rounded to `digits` digits after the point.
    public static func rounded(_ value: Double, _ digits: Int) -> Double {
        (value * power(digits)).rounded() / power(digits)
    }

    /// Without a point where there is no fraction: "3", "2.69".
    public static func plain(_ value: Double) -> String { Int(exactly: value).map(String.init) ?? "\(value)" }

    /// A whole number with a comma after each three digits: "22,713,986".
    public static func grouped(_ value: Int) -> String {
        var digits = ""
        for (index, digit) in String(value.magnitude).reversed().enumerated() {
            if index > 0, index % 3 == 0 { digits.append(",") }
            digits.append(digit)
        }
        return (value < 0 ? "-" : "") + String(digits.reversed())
    }

    private static func power(_ digits: Int) -> Double { (0..<digits).reduce(1.0) { power, _ in power * 10 } }
}

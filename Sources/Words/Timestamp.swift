/// Points in time as records keep them.
public enum Timestamp {
    /// A time in ISO 8601, in UTC: "2026-11-29T22:10:07Z".
    ///
    /// - Parameter seconds: since 1970; cut to the years 1970 to 9999.
    public static func text(_ seconds: Double) -> String {
        let whole = Int(exactly: min(max(0, seconds.isNaN ? 0 : seconds), 253_402_300_799).rounded(.down)) ?? 0
        let (day, rest) = whole.quotientAndRemainder(dividingBy: 86_400)
        // Years that begin in March, so that a leap day is the last of its year: 400 of them have 146,097 days, and 719,468 days lie between
        // the first of March of the year 0 and 1970.
        let (era, dayOfEra) = (day + 719_468).quotientAndRemainder(dividingBy: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let date = dayOfYear - (153 * month + 2) / 5 + 1
        let year = 400 * era + yearOfEra + (month < 10 ? 0 : 1)
        let parts = [month < 10 ? month + 3 : month - 9, date, rest / 3600, rest / 60 % 60, rest % 60].map(twoDigits)
        let years = String(repeating: "0", count: max(0, 4 - "\(year)".count)) + "\(year)"
        return "\(years)-\(parts[0])-\(parts[1])T\(parts[2]):\(parts[3]):\(parts[4])Z"
    }

    /// A time as `text` gives it, without its seconds: "2026-11-29 22:10".
    public static func minutes(_ text: String) -> String {
        text.utf8.count == 20 ? String(text.prefix(16).replacing("T", with: " ")) : text
    }

    /// A stretch of time as people say it: "0.42 s", "7.1 s", "3m 07s", "2h 05m".
    public static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "-" }
        if seconds < 59.95 { return Figures.fixed(seconds, seconds < 0.995 ? 2 : 1) + " s" }
        let whole = Int(seconds.rounded())
        if whole < 3600 { return "\(whole / 60)m \(twoDigits(whole % 60))s" }
        return "\(whole / 3600)h \(twoDigits(whole / 60 % 60))m"
    }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

/// Times as people read them.
public enum Durations {
    /// As a clock shows them: "0:07", "1:02:03"; "?" for what is no time.
    public static func clock(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, let whole = Int(exactly: min(seconds, 1e8).rounded()) else { return "?" }
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        let tail = (minutes < 10 && hours > 0 ? "0" : "") + "\(minutes):" + (rest < 10 ? "0" : "") + "\(rest)"
        return hours > 0 ? "\(hours):\(tail)" : tail
    }
}

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A time of day on a date, without a time zone, as Python's `datetime.now()` gives it.
public struct LocalTime: Sendable, Equatable {
    /// The year, such as 2024.
    public let year: Int
    /// The month, from 1.
    public let month: Int
    /// The day of the month, from 1.
    public let day: Int
    /// The hour, from 0.
    public let hour: Int
    /// The minute.
    public let minute: Int
    /// The second.
    public let second: Int
    /// The millionths of a second.
    public let microsecond: Int

    /// A date and a time of day.
    public init(
        year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0, microsecond: Int = 0
    ) {
        (self.year, self.month, self.day) = (year, min(max(month, 1), 12), min(max(day, 1), 31))
        (self.hour, self.minute, self.second, self.microsecond) = (hour, minute, second, microsecond)
    }

    /// The time now, in the zone of this machine.
    public static func now() -> LocalTime {
        var moment = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &moment)
        var seconds = moment.tv_sec
        var parts = unsafe tm()
        _ = unsafe localtime_r(&seconds, &parts)
        return unsafe LocalTime(
            year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday),
            hour: Int(parts.tm_hour), minute: Int(parts.tm_min), second: Int(parts.tm_sec),
            microsecond: moment.tv_nsec / 1000)
    }

    /// Days since 1970-01-01 in the Gregorian calendar.
    private var days: Int {
        let (y, m) = month > 2 ? (year, month - 3) : (year - 1, month + 9)
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * m + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
    /// The day of the week, 0 for Sunday.
    private var weekday: Int { ((days + 4) % 7 + 7) % 7 }
    /// The day of the year, from 1.
    private var dayOfYear: Int { days - LocalTime(year: year, month: 1, day: 1).days + 1 }

    /// The year and week of ISO 8601: weeks begin on Monday, the first has the year's first Thursday.
    private var isoWeek: (year: Int, week: Int) {
        let thursday = days + 4 - (weekday == 0 ? 7 : weekday)
        for year in [year + 1, year, year - 1] {
            let start = LocalTime(year: year, month: 1, day: 1).days
            if thursday >= start { return (year, (thursday - start) / 7 + 1) }
        }
        return (year, 1)
    }

    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    private static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

    /// As `datetime.strftime` of a naive time formats it on Linux, in the locale "C".
    func formatted(_ format: Text) -> Text {
        var result = String.UnicodeScalarView()
        var index = 0
        let scalars = format.scalars
        while index < scalars.count {
            guard scalars[index] == "%", index + 1 < scalars.count else {
                result.append(scalars[index])
                index += 1
                continue
            }
            let start = index
            index += 1
            var flag: Unicode.Scalar?
            while index < scalars.count, "-_0^#".unicodeScalars.contains(scalars[index]) {
                flag = scalars[index]
                index += 1
            }
            if index < scalars.count, let field = field(scalars[index], flag) {
                result.append(contentsOf: field.unicodeScalars)
                index += 1
            } else {
                result.append(contentsOf: scalars[start..<min(index + 1, scalars.count)])
                index += 1
            }
        }
        return Text(Array(result))
    }

    private func field(_ code: Unicode.Scalar, _ flag: Unicode.Scalar?) -> String? {
        func number(_ value: Int, _ width: Int, _ fill: Character = "0") -> String {
            if flag == "-" { return String(value) }
            let fill: Character = flag == "_" ? " " : flag == "0" ? "0" : fill
            let digits = String(value.magnitude)
            let sign = value < 0 ? "-" : ""
            return sign + String(repeating: fill, count: max(0, width - digits.count - sign.count)) + digits
        }
        func word(_ text: String) -> String { flag == "^" || flag == "#" ? text.uppercased() : text }
        let hour12 = hour % 12 == 0 ? 12 : hour % 12
        switch code {
        case "Y": return number(year, 0)
        case "C": return number(year / 100, 2)
        case "y": return number((year % 100 + 100) % 100, 2)
        case "m": return number(month, 2)
        case "d": return number(day, 2)
        case "e": return number(day, 2, " ")
        case "H": return number(hour, 2)
        case "k": return number(hour, 2, " ")
        case "I": return number(hour12, 2)
        case "l": return number(hour12, 2, " ")
        case "M": return number(minute, 2)
        case "S": return number(second, 2)
        case "f":
            let digits = String(microsecond)
            return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
        case "j": return number(dayOfYear, 3)
        case "U": return number((dayOfYear + 6 - weekday) / 7, 2)
        case "W": return number((dayOfYear + 6 - (weekday + 6) % 7) / 7, 2)
        case "V": return number(isoWeek.week, 2)
        case "G": return number(isoWeek.year, 0)
        case "g": return number(isoWeek.year % 100, 2)
        case "u": return number(weekday == 0 ? 7 : weekday, 1)
        case "w": return number(weekday, 1)
        case "B": return word(Self.months[month - 1])
        case "b", "h": return word(String(Self.months[month - 1].prefix(3)))
        case "A": return word(Self.weekdays[weekday])
        case "a": return word(String(Self.weekdays[weekday].prefix(3)))
        case "p": return flag == "#" ? (hour < 12 ? "am" : "pm") : (hour < 12 ? "AM" : "PM")
        case "P": return hour < 12 ? "am" : "pm"
        case "Z", "z": return ""
        case "n": return "\n"
        case "t": return "\t"
        case "%": return "%"
        case "D", "x": return formatted("%m/%d/%y").string
        case "F": return formatted("%Y-%m-%d").string
        case "T", "X": return formatted("%H:%M:%S").string
        case "R": return formatted("%H:%M").string
        case "r": return formatted("%I:%M:%S %p").string
        case "c": return formatted("%a %b %e %H:%M:%S %Y").string
        default: return nil
        }
    }
}

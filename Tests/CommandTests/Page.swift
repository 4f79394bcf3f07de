import Foundation
import Testing

/// A report's page as a reader of the test's own finds it: lines of pictures as numbers, and the rows that it carries.
struct Page {
    /// Points of a line by the name of the line, of the picture with a title.
    let plots: [String: [String: [(x: Double, y: Double)]]]
    /// The rows of each run's log.
    let metrics: [[[String: Any]]]
    let html: String

    init(_ html: String) throws {
        self.html = html
        var plots: [String: [String: [(x: Double, y: Double)]]] = [:]
        for part in html.components(separatedBy: "<svg ").dropFirst() {
            let picture = part.components(separatedBy: "</svg>")[0]
            let head = String(picture.prefix { $0 != ">" })
            func number(_ name: String) throws -> Double {
                try #require(Double(Page.attribute(name, head) ?? ""), "\(name) of \(head)")
            }
            let frame = try ["left", "right", "top", "base", "x0", "x1", "y0", "y1"].map { try number("data-\($0)") }
            var lines: [String: [(x: Double, y: Double)]] = [:]
            for element in picture.components(separatedBy: "<").dropFirst() where element.contains("data-name=") {
                let pairs: [String]
                if element.hasPrefix("circle") {
                    pairs = [(Page.attribute("cx", element) ?? "") + "," + (Page.attribute("cy", element) ?? "")]
                } else {
                    pairs = (Page.attribute("points", element) ?? "").components(separatedBy: " ")
                }
                lines[try #require(Page.attribute("data-name", element)), default: []] += try pairs.map { pair in
                    let place = pair.components(separatedBy: ",").compactMap(Double.init)
                    try #require(place.count == 2, "\(element)")
                    return (
                        frame[4] + (place[0] - frame[0]) / (frame[1] - frame[0]) * (frame[5] - frame[4]),
                        frame[6] + (place[1] - frame[3]) / (frame[2] - frame[3]) * (frame[7] - frame[6])
                    )
                }
            }
            plots[try #require(Page.attribute("aria-label", head))] = lines
        }
        self.plots = plots
        let start = try #require(html.range(of: "id=\"metrics\">"))
        let end = try #require(html.range(of: "</script>", range: start.upperBound..<html.endIndex))
        let data = Data(html[start.upperBound..<end.lowerBound].utf8)
        let runs = try #require(JSONSerialization.jsonObject(with: data) as? [[String: Any]])
        metrics = try runs.map { try #require($0["metrics"] as? [[String: Any]]) }
    }

    static func attribute(_ name: String, _ element: String) -> String? {
        guard let start = element.range(of: " \(name)=\"") else { return nil }
        return String(element[start.upperBound...].prefix { $0 != "\"" })
    }

    /// Whether a line has these points; a picture tells numbers to a hundredth of a unit, of which its frame has some hundred.
    static func areSame(_ points: [(x: Double, y: Double)]?, _ expected: [(x: Double, y: Double)]) -> Bool {
        guard let points, points.count == expected.count, let first = expected.first else { return false }
        let (low, high) = expected.reduce((first.y, first.y)) { (min($0.0, $1.y), max($0.1, $1.y)) }
        let span = max(high - low, 0.1 * abs(first.y), 1e-9)
        return zip(points, expected).allSatisfy {
            abs($0.x - $1.x) < 0.01 * max(1, $1.x) && abs($0.y - $1.y) < 1e-3 * span
        }
    }
}

/// Headless Chromium, where there is one.
enum Browser {
    static let program = ["chromium", "chromium-browser", "google-chrome"].map { "/usr/bin/" + $0 }.first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    static func open(_ file: String, _ words: String..., in folder: String) throws -> Outcome {
        try Running(
            [
                program ?? "", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                "--user-data-dir=\(folder)/browser",
                "--no-first-run", "--disable-background-networking", "--disable-component-update",
            ] + words + ["file://" + file], cwd: folder, timeout: 120
        ).wait()
    }
}

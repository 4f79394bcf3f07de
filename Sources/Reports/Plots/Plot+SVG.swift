import Words

extension Plot {
    /// The rules that an SVG of a plot needs, for light and dark grounds.
    static let stylesheet: String = {
        func variables(_ side: (_ color: (light: String, dark: String)) -> String) -> String {
            PlotColors.all.enumerated().map { "--s\($0):\(side($1));" }.joined()
                + "--ink:\(side(PlotColors.ink));--faint:\(side(PlotColors.faint));--ground:\(side(PlotColors.ground))"
        }
        let series = PlotColors.all.indices.map { ".s\($0){stroke:var(--s\($0));color:var(--s\($0))}" }
        return """
            :root{\(variables { $0.light })}
            @media (prefers-color-scheme:dark){:root{\(variables { $0.dark })}}
            .plot text{fill:var(--ink);font:12px system-ui,sans-serif}
            .plot .bold{font-weight:600}
            .plot .grid{stroke:var(--faint);stroke-width:1}
            .plot .series{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
            .plot .raw{opacity:.35;stroke-width:1}
            .plot .dashed{stroke-dasharray:6 4}
            .plot circle{fill:currentColor;stroke:none}
            \(series.joined(separator: "\n"))
            """
    }()

    /// The plot as an SVG file of its own.
    package func svg(width: Int = 720, height: Int = 420) -> String {
        svgElement(
            width: width, height: height,
            inner: "<style>\(Plot.stylesheet)</style><rect width=\"100%\" height=\"100%\" fill=\"var(--ground)\"/>\n")
            + "\n"
    }

    /// The plot as an element of a page that has `stylesheet`.
    ///
    /// It says where its frame lies and which values its ends have (`data-left`, `data-x0`, …), and each line its name, so that values
    /// can be read back.
    func svgElement(width: Int = 720, height: Int = 420, inner: String = "") -> String {
        let picture = PlotPicture(self, width: width, height: height)
        let length = Markup.length
        var head =
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 \(width) \(picture.axes == nil ? 40 : height)\" role=\"img\""
            + " aria-label=\"\(Markup.escaped(title.isEmpty ? yLabel : title))\""
        if let axes = picture.axes {
            let frame = picture.frame
            head +=
                " data-left=\"\(length(frame.left))\" data-right=\"\(length(frame.right))\" data-top=\"\(length(frame.top))\" data-base=\"\(length(frame.base))\""
                + " data-x0=\"\(axes.x.low)\" data-x1=\"\(axes.x.high)\" data-y0=\"\(axes.y.low)\" data-y1=\"\(axes.y.high)\""
        }
        return head + ">\n" + inner + picture.elements.map { markup($0, picture) }.joined(separator: "\n") + "\n</svg>"
    }

    private func markup(_ element: PlotPicture.Element, _ picture: PlotPicture) -> String {
        let length = Markup.length
        switch element {
        case .grid(let from, let to):
            return
                "<line class=\"grid\" x1=\"\(length(from.x))\" y1=\"\(length(from.y))\" x2=\"\(length(to.x))\" y2=\"\(length(to.y))\"/>"
        case .text(let text, let point, let anchor, let isBold, let isTurned):
            let (x, y) = (length(point.x), length(point.y))
            return "<text x=\"\(x)\" y=\"\(y)\"" + (anchor == .start ? "" : " text-anchor=\"\(anchor.rawValue)\"")
                + (isBold ? " class=\"bold\"" : "") + (isTurned ? " transform=\"rotate(-90 \(x) \(y))\"" : "")
                + ">\(Markup.escaped(text))</text>"
        case .line(let points, let number, let style):
            let isNamed =
                switch style {
                case .smooth, .sample: false
                default: true
                }
            let name = isNamed ? " data-name=\"\(Markup.escaped(series[number].name))\"" : ""
            let places = points.map { "\(length($0.x)),\(length($0.y))" }.joined(separator: " ")
            return "<polyline class=\"series s\(picture.color(number))\(style.words)\"\(name) points=\"\(places)\"/>"
        case .dot(let point, let number):
            return
                "<circle class=\"s\(picture.color(number))\" data-name=\"\(Markup.escaped(series[number].name))\" cx=\"\(length(point.x))\" cy=\"\(length(point.y))\" r=\"3\"/>"
        }
    }
}

//! Bars, as a picture.

use std::fmt::Write as _;

/// One bar for each; those of the chassis stand out.
pub(crate) fn bars(title: &str, bars: &[(String, f64)]) -> String {
    const ROW: usize = 24;
    const LEFT: f64 = 250.0;
    const WIDTH: f64 = 420.0;
    let height = (bars.len() + 2) * ROW;
    let most = bars.iter().map(|(_, value)| *value).fold(1.0, f64::max);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"20\" font-weight=\"bold\">{title}</text>\n"
    );
    for (index, (name, value)) in bars.iter().enumerate() {
        let y = (index + 1) * ROW + 8;
        let width = value / most * WIDTH;
        let colour = if name.contains("axum") || name.contains("hyper") {
            "#b0b8c0"
        } else {
            "#2f6f9f"
        };
        _ = writeln!(
            svg,
            "<text x=\"10\" y=\"{text}\">{name}</text>\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.0}\" height=\"16\" fill=\"{colour}\"/>\
             <text x=\"{end:.0}\" y=\"{text}\">{value:.0}</text>",
            text = y + 13,
            end = LEFT + width + 6.0,
        );
    }
    svg + "</svg>\n"
}

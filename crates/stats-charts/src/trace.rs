//! The path of a line with gaps.

use maud::{Markup, Render, html};

use crate::draw::{Frame, Short};
use crate::ink::Paint;

/// A line with gaps.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Trace {
    /// The data of an element `path`: an absolute move to the start of each part without gap, then relative lines.
    pub(crate) path: String,
    /// The points without neighbours, which the path does not show, as fractions of the frame.
    pub(crate) dots: Vec<(f64, f64)>,
    /// The last point, as fractions of the frame.
    pub(crate) last: Option<(f64, f64)>,
}

impl Trace {
    /// Traces points from left to right, which are fractions of the frame. Coordinates are multiples of `unit`.
    pub(crate) fn new(points: &[(f64, Option<f64>)], frame: Frame, unit: f64) -> Self {
        let mut trace = Self::default();
        for run in points.split(|(_, y)| y.is_none()) {
            let mut run = run.iter().filter_map(|&(x, y)| Some((x, y?)));
            let (Some(first), second) = (run.next(), run.next()) else {
                continue;
            };
            trace.last = Some(first);
            let Some(second) = second else {
                trace.dots.push(first);
                continue;
            };
            let mut from = place(first, frame, unit);
            trace.step('M', from, unit);
            for point in [second].into_iter().chain(run) {
                let to = place(point, frame, unit);
                trace.step('l', (to.0 - from.0, to.1 - from.1), unit);
                trace.last = Some(point);
                from = to;
            }
        }
        trace
    }

    fn step(&mut self, command: char, (x, y): (f64, f64), unit: f64) {
        self.path.push(command);
        Short(x * unit).render_to(&mut self.path);
        // A minus separates numbers too.
        if y >= 0.0 {
            self.path.push(' ');
        }
        Short(y * unit).render_to(&mut self.path);
    }
}

/// Returns the place of a point in units.
fn place((x, y): (f64, f64), frame: Frame, unit: f64) -> (f64, f64) {
    (
        ((frame.left + x * frame.width) / unit).round(),
        ((frame.top + y * frame.height) / unit).round(),
    )
}

/// Returns an element `path`. `series` is the index that a legend hides it by.
pub(crate) fn path(paint: Paint, data: &str) -> Markup {
    html! {
        path class=[paint.class] fill=[paint.fill] stroke=[paint.stroke] stroke-width=[paint.stroke_width]
            stroke-dasharray=[paint.dash] stroke-linejoin="round" stroke-linecap="round" d=(data) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame = Frame {
        left: 0.0,
        top: 0.0,
        width: 100.0,
        height: 10.0,
    };

    fn trace(ys: &[Option<f64>]) -> Trace {
        let xs = (0..ys.len()).map(|index| index as f64 / 10.0);
        let points: Vec<_> = xs.zip(ys.iter().copied()).collect();
        Trace::new(&points, FRAME, 1.0)
    }

    #[test]
    fn a_gap_interrupts_the_path() {
        let y = Some(0.5);
        let trace = trace(&[Some(0.1), Some(0.3), Some(0.2), None, None, y, y]);
        assert_eq!(trace.path, "M0 1l10 2l10-1M50 5l10 0");
        assert_eq!(trace.dots, []);
        assert_eq!(trace.last, Some((0.6, 0.5)));
    }

    #[test]
    fn a_point_without_neighbours_is_a_dot() {
        let trace = trace(&[Some(0.0), None, Some(0.5), None, Some(0.1), Some(0.1), None]);
        assert_eq!(trace.path, "M40 1l10 0");
        assert_eq!(trace.dots, [(0.0, 0.0), (0.2, 0.5)]);
        assert_eq!(trace.last, Some((0.5, 0.1)));
    }

    #[test]
    fn rounding_errors_do_not_add_up() {
        let ys: Vec<_> = (0..10).map(|index| Some(f64::from(index) * 0.04)).collect();
        let trace = trace(&ys);
        let down: f64 = trace
            .path
            .split('l')
            .skip(1)
            .map(|step| step.split_once(' ').unwrap().1.parse::<f64>().unwrap())
            .sum();
        assert_eq!(down, (0.36_f64 * 10.0).round());
    }

    #[test]
    fn a_line_without_points_is_empty() {
        assert_eq!(trace(&[]), Trace::default());
        assert_eq!(trace(&[None, None]), Trace::default());
    }
}

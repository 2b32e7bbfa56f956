//! Writes lists of stats as JSON, stat by stat.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use stats_core::{Page, Stat};
use utoipa::ToSchema;

use crate::mask::Mask;

/// The position of a page in a list. Its numbers are strings, as in the Python service.
#[derive(Serialize, ToSchema)]
pub(super) struct Metadata {
    /// Number of stats in the answer.
    #[schema(pattern = "^[0-9]+$")]
    count: String,
    /// Number of skipped stats.
    #[schema(pattern = "^[0-9]+$")]
    offset: String,
    /// Requested maximum number of stats; 0 for all.
    #[schema(pattern = "^[0-9]+$")]
    limit: String,
}

impl Metadata {
    pub(super) fn new(count: u64, Page { offset, limit }: Page) -> Self {
        Self {
            count: count.to_string(),
            offset: offset.to_string(),
            limit: limit.unwrap_or(0).to_string(),
        }
    }
}

/// Writes a list, reduced by a mask: `[…]`, or `{"metadata": …, "data": […]}`. Documents that the mask keeps whole are
/// copied verbatim.
pub(super) struct ListWriter<'m, W> {
    out: W,
    /// The mask of each stat; `None` if the mask removes the list.
    mask: Option<&'m Mask>,
    separator: &'static str,
    end: &'static str,
}

impl<'m, W: Write> ListWriter<'m, W> {
    /// Begins a bare list.
    pub(super) fn bare(out: W, mask: &'m Mask) -> io::Result<Self> {
        Self::begin(out, Some(mask), "]")
    }

    /// Begins a list with metadata.
    pub(super) fn with_metadata(
        mut out: W,
        mask: &'m Mask,
        metadata: &Metadata,
    ) -> io::Result<Self> {
        out.write_all(b"{")?;
        let (kept, stats) = (mask.field("metadata"), mask.field("data"));
        if let Some(mask) = kept {
            let mut metadata = serde_json::to_value(metadata)?;
            mask.apply(&mut metadata);
            write!(out, r#""metadata":{metadata}"#)?;
        }
        if stats.is_none() {
            return Self::begin(out, None, "}");
        }
        let separator = if kept.is_some() { "," } else { "" };
        write!(out, r#"{separator}"data":"#)?;
        Self::begin(out, stats, "]}")
    }

    fn begin(mut out: W, mask: Option<&'m Mask>, end: &'static str) -> io::Result<Self> {
        if mask.is_some() {
            out.write_all(b"[")?;
        }
        Ok(Self {
            out,
            mask,
            separator: "",
            end,
        })
    }

    /// Whether the mask removes all stats.
    pub(super) fn omits_stats(&self) -> bool {
        self.mask.is_none()
    }

    pub(super) fn stat(&mut self, stat: &Stat) -> io::Result<()> {
        let Some(mask) = self.mask else {
            return Ok(());
        };
        self.out.write_all(self.separator.as_bytes())?;
        self.separator = ",";
        match mask {
            Mask::All => stat.write_json(&mut self.out),
            mask => write_masked(&mut self.out, mask, stat),
        }
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        self.out.write_all(self.end.as_bytes())
    }
}

fn write_masked(out: &mut impl Write, mask: &Mask, stat: &Stat) -> io::Result<()> {
    let mut separator = "{";
    let mut name = |out: &mut dyn Write, name: &str| {
        write!(out, r#"{separator}"{name}":"#)?;
        separator = ",";
        io::Result::Ok(())
    };
    // Masks of these fields have no effect, because the values are strings.
    for (field, value) in [
        ("uuid", stat.uuid.to_string()),
        ("anr", stat.analysis.to_string()),
        ("type", stat.stats_type.to_string()),
        ("date", stat.date.to_string()),
    ] {
        if mask.field(field).is_some() {
            name(out, field)?;
            write!(out, r#""{value}""#)?;
        }
    }
    match mask.field("data") {
        Some(Mask::All) => {
            name(out, "data")?;
            out.write_all(stat.data.as_str().as_bytes())?;
        }
        Some(mask) => {
            let mut data: Value = serde_json::from_str(stat.data.as_str())?;
            mask.apply(&mut data);
            name(out, "data")?;
            write!(out, "{data}")?;
        }
        None => {}
    }
    out.write_all(if separator == "{" { b"{}" } else { b"}" })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stats_core::{AnalysisId, MIN_DATE, RawJson, StatId, StatsType};

    use super::*;

    fn stat(data: &str) -> Stat {
        Stat {
            uuid: StatId::random(),
            analysis: AnalysisId::random(),
            stats_type: StatsType::Risk,
            date: MIN_DATE,
            data: RawJson::parse(data).unwrap(),
        }
    }

    fn bare_list(mask: &Mask, stats: &[Stat]) -> String {
        let mut out = Vec::new();
        let mut list = ListWriter::bare(&mut out, mask).unwrap();
        stats.iter().for_each(|stat| list.stat(stat).unwrap());
        list.end().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn written_lists_equal_masked_values() {
        let stats = ["[]", r#"{"a": [1.50, "é"], "b": {"a": 1}}"#].map(stat);
        let page = Page {
            offset: 3,
            limit: Some(2),
        };
        let metadata = Metadata::new(2, page);
        let value = json!({"metadata": {"count": "2", "offset": "3", "limit": "2"}, "data": stats});
        for text in [
            "",
            "metadata,data{uuid}",
            "data",
            "data{data}",
            "metadata{count}",
            "x",
            "data{x}",
            "data{data{a},date},*",
            "data{data{b{x}}}",
        ] {
            let mask = Mask::parse(text).unwrap();
            let mut out = Vec::new();
            let mut list = ListWriter::with_metadata(&mut out, &mask, &metadata).unwrap();
            stats.iter().for_each(|stat| list.stat(stat).unwrap());
            list.end().unwrap();
            let written: Value = serde_json::from_slice(&out).unwrap();
            let mut expected = value.clone();
            mask.apply(&mut expected);
            assert_eq!(written, expected, "{text}");

            let inner = mask.field("data").cloned().unwrap_or_default();
            let written: Value = serde_json::from_str(&bare_list(&inner, &stats)).unwrap();
            let mut expected = value["data"].clone();
            inner.apply(&mut expected);
            assert_eq!(written, expected, "{text}");
        }
    }

    #[test]
    fn whole_documents_are_copied_verbatim() {
        let data = r#"{"b" : 1.50, "a":1e2}"#;
        let mask = Mask::parse("data,date").unwrap();
        let expected = format!(r#"[{{"date":"0001-01-01","data":{data}}}]"#);
        assert_eq!(bare_list(&mask, &[stat(data)]), expected);
    }
}

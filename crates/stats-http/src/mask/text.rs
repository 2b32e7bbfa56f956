use super::Mask;

/// What `mask` keeps of `text`, which is JSON: the kept parts as they are written there, nothing in between. `None`
/// where it turns out not to be JSON.
///
/// It neither builds a tree nor calls itself: documents that another program stored may be nested as deep as they like.
pub(super) fn filter(text: &str, mask: &Mask) -> Option<String> {
    let mut scanner = Scanner(text.as_bytes());
    let mut kept = Vec::new();
    let mut open: Vec<Level> = Vec::new();
    // That of the value which comes next.
    let mut next = Some(mask);
    loop {
        match (next, scanner.peek()?) {
            (Some(mask @ Mask::Fields(_)), bracket @ (b'{' | b'[')) => {
                kept.extend_from_slice(scanner.take(1));
                open.push(Level {
                    mask,
                    is_object: bracket == b'{',
                    separator: b"",
                });
            }
            (Some(_), _) => kept.extend_from_slice(scanner.take_value()),
            (None, _) => {
                scanner.take_value();
            }
        }
        next = loop {
            let Some(level) = open.last_mut() else {
                return String::from_utf8(kept).ok();
            };
            match scanner.peek()? {
                b',' => {
                    scanner.take(1);
                }
                b'}' | b']' => {
                    kept.extend_from_slice(scanner.take(1));
                    open.pop();
                }
                _ if level.is_object => {
                    let key = scanner.take_string();
                    let name: String = serde_json::from_slice(key).ok()?;
                    scanner.peek().filter(|byte| *byte == b':')?;
                    scanner.take(1);
                    let mask = level.mask.of(&name);
                    if mask.is_some() {
                        kept.extend_from_slice(level.separate());
                        kept.extend_from_slice(key);
                        kept.push(b':');
                    }
                    break mask;
                }
                _ => {
                    kept.extend_from_slice(level.separate());
                    break Some(level.mask);
                }
            }
        };
    }
}

/// A list or an object that is being filtered.
struct Level<'m> {
    mask: &'m Mask,
    is_object: bool,
    separator: &'static [u8],
}

impl Level<'_> {
    /// What stands between what was kept before and what comes now.
    fn separate(&mut self) -> &'static [u8] {
        std::mem::replace(&mut self.separator, b",")
    }
}

/// The rest of a text.
struct Scanner<'t>(&'t [u8]);

impl<'t> Scanner<'t> {
    /// The byte that is next after white space.
    fn peek(&mut self) -> Option<u8> {
        self.0 = self.0.trim_ascii_start();
        self.0.first().copied()
    }

    fn take(&mut self, length: usize) -> &'t [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Takes the string that begins here, with its quotes.
    fn take_string(&mut self) -> &'t [u8] {
        self.take(string_length(self.0))
    }

    /// Takes the value that begins here.
    fn take_value(&mut self) -> &'t [u8] {
        let (mut length, mut depth) = (0, 0_usize);
        while let Some(rest) = self.0.get(length..).filter(|rest| !rest.is_empty()) {
            length += match rest {
                [b'"', ..] => string_length(rest),
                [b'{' | b'[', ..] => {
                    depth += 1;
                    1
                }
                [b'}' | b']', ..] => {
                    depth = depth.saturating_sub(1);
                    1
                }
                _ if depth > 0 => 1,
                _ => rest
                    .iter()
                    .take_while(|byte| !matches!(byte, b',' | b'}' | b']'))
                    .count(),
            };
            if depth == 0 {
                break;
            }
        }
        self.take(length).trim_ascii_end()
    }
}

/// The length of the string that begins `text`, with its quotes.
fn string_length(text: &[u8]) -> usize {
    let mut length = 1;
    loop {
        length += match text.get(length) {
            Some(b'\\') => 2,
            Some(b'"') | None => return length + 1,
            Some(_) => 1,
        };
    }
}

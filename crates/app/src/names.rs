//! Display names: what people read in lists and may not be fooled by.

use crate::FieldError;

/// Characters of a name.
const LONGEST: usize = 200;

/// Judges a display name; the trimmed name, or what is wrong with it.
pub(crate) fn check(name: &str) -> Result<String, FieldError> {
    let refuse = |message: &str| Err(FieldError { pointer: "/name".to_owned(), message: message.to_owned() });
    let name = name.trim();
    if !(1..=LONGEST).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return refuse("must have 1 to 200 characters, none of them control characters");
    }
    if name.chars().any(is_misleading) {
        return refuse("must not have characters that reorder, end or hide text (such as U+202E or U+200B)");
    }
    if name.chars().all(is_blank) {
        return refuse("must have a character that can be seen");
    }
    Ok(name.to_owned())
}

/// Makes a name look like another one: marks of direction, ends of lines, and what has no width. Joiners (U+200C, U+200D) are
/// letters' business in Persian, Indian scripts and emoji.
const fn is_misleading(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// Nothing to be seen, though Unicode does not call it white space.
const fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{34f}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{17b4}'
                | '\u{17b5}'
                | '\u{200c}'
                | '\u{200d}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_people_and_companies_are_names() {
        for name in ["Acme", " Acme ", "Müller & Söhne GmbH", "株式会社", "می‌خواهم", "👩‍💻", "O’Neil", "a\u{301}"]
        {
            assert_eq!(check(name).unwrap(), name.trim(), "{name:?}");
        }
        assert!(check(&"x".repeat(200)).is_ok());
    }

    #[test]
    fn what_cannot_be_seen_or_misleads_is_no_name() {
        for name in [
            "",
            "   ",
            "\u{200b}",
            "\u{feff}",
            "\u{200d}",
            "\u{2800}\u{3164}",
            "Acme\u{202e}emcA",
            "Ac\u{200b}me",
            "Ac\u{2028}me",
            "\u{2066}Acme",
            "Ac\u{ad}me",
            "Acme\u{e0041}",
            "a\nb",
            "a\u{0}",
        ] {
            let refused = check(name).unwrap_err();
            assert_eq!(refused.pointer, "/name");
            assert!(name.trim().is_empty() || !refused.message.contains(name), "{name:?}");
        }
        assert!(check(&"x".repeat(201)).is_err());
    }
}

//! Texts as the lists of words are written: lower case, without accents, umlauts the same whether spelt out or not.
//!
//! Pure. `Gehälter`, `Gehaelter` and `Gehalter` are one word here, and so are composed and decomposed accents.

/// The words of a text; camel case and digits split.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous = ' ';
    for letter in text.chars().filter(|letter| !is_mark(*letter)) {
        let is_letter = letter.is_alphanumeric();
        let starts = !is_letter
            || (letter.is_uppercase() && previous.is_lowercase())
            || (letter.is_ascii_digit() != previous.is_ascii_digit() && previous.is_alphanumeric());
        if starts {
            words.push(String::new());
        }
        if is_letter && let Some(word) = words.last_mut() {
            for lower in letter.to_lowercase().filter(|lower| !is_mark(*lower)) {
                match plain(lower) {
                    Some(plain) => word.push_str(plain),
                    None => word.push(lower),
                }
            }
        }
        previous = letter;
    }
    words.retain(|word| !word.is_empty());
    for word in &mut words {
        *word = folded(word);
    }
    words
}

/// A word with umlauts that were spelt out as if they had lost their dots.
pub(super) fn folded(word: &str) -> String {
    word.replace("ae", "a").replace("oe", "o").replace("ue", "u")
}

/// Accents that stand by themselves behind their letter.
const fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}')
}

/// A letter without its accent.
const fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'æ' => "a",
        'ç' | 'ć' | 'č' => "c",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ę' => "e",
        'ì' | 'í' | 'î' | 'ï' | 'ī' => "i",
        'ł' => "l",
        'ñ' | 'ń' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'œ' => "o",
        'ś' | 'š' => "s",
        'ß' => "ss",
        'ù' | 'ú' | 'û' | 'ü' | 'ū' => "u",
        'ý' | 'ÿ' => "y",
        'ĳ' => "ij",
        'ž' | 'ź' | 'ż' => "z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_one_however_it_is_written() {
        for text in ["Gehälter", "Gehaelter", "GEHÄLTER", "Geha\u{308}lter", "Gehalter"] {
            assert_eq!(words(text), ["gehalter"], "{text}");
        }
        assert_eq!(words("Straße"), words("STRASSE"));
        assert_eq!(words("N\u{f3}mina"), words("No\u{301}mina"));
    }

    #[test]
    fn words_end_at_whatever_is_no_letter_at_capitals_and_at_digits() {
        assert_eq!(words("l\u{2019}adresse-e_mail workEmail2"), ["l", "adresse", "e", "mail", "work", "email", "2"]);
        assert_eq!(words(" \u{308}\u{ad}"), Vec::<String>::new());
    }
}

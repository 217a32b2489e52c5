//! Profile pictures, for the people who have one.

use crate::answer::Answer;
use crate::picture;
use crate::quirks::Language;
use crate::state::State;

/// The size of a picture when no width is asked for.
const ORIGINAL: u32 = 128;

pub(super) fn get(state: &State, holder: usize, id: u64, width: Option<u32>) -> Answer {
    let scene = state.scene(Some(holder));
    let may_read = scene.world.catalogue.find("profile_picture").is_some_and(|attribute| scene.shows(attribute));
    if !may_read {
        return Answer::missing_right();
    }
    match scene.world.people.get(&id) {
        Some(person) if person.has_picture => {
            Answer::bytes(200, "image/png", picture::png(id, width.unwrap_or(ORIGINAL)))
        }
        _ => Answer::error(
            404,
            404,
            match state.quirks.error_language {
                Language::German => "Etwas ist schiefgelaufen ...",
                Language::English => "Something went wrong ...",
            },
        ),
    }
}

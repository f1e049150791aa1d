//! Maximum lengths of text fields, in characters.

/// A value given by a caller is longer than its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} has {length} characters, at most {limit} fit")]
pub struct LimitExceeded {
    /// The field's name as in the record.
    pub field: &'static str,
    /// Characters that fit.
    pub limit: usize,
    /// Characters that were given.
    pub length: usize,
}

/// A text field and how many characters it holds.
///
/// A limit is about values that change: what a database holds already is read and written
/// back as it is, longer or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The field's name as in the record.
    pub field: &'static str,
    /// Characters that fit.
    pub characters: usize,
}

impl Limit {
    /// A limit for a field.
    #[must_use]
    pub const fn new(field: &'static str, characters: usize) -> Self {
        Self { field, characters }
    }

    /// Cuts a *detected* value at a character boundary; a shorter one is untouched.
    #[must_use]
    pub fn cut(self, mut text: String) -> String {
        if let Some((end, _)) = text.char_indices().nth(self.characters) {
            text.truncate(end);
        }
        text
    }

    /// Refuses a value *given by a caller* that does not fit.
    ///
    /// # Errors
    /// [`LimitExceeded`] names the field and the limit.
    pub fn check(self, text: &str) -> Result<(), LimitExceeded> {
        let length = text.chars().count();
        if length <= self.characters {
            return Ok(());
        }
        Err(LimitExceeded {
            field: self.field,
            limit: self.characters,
            length,
        })
    }
}

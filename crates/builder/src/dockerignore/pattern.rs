use std::iter::Peekable;

/// One pattern, as Go's `filepath.Match` has them, and `**` for any number of directories.
#[derive(Debug, Clone)]
pub(super) struct Pattern(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    /// This character.
    Letter(char),
    /// `?`: any one but `/`.
    AnyLetter,
    /// `*`: any number of any but `/`.
    AnyName,
    /// `**/`: nothing, or anything that ends in `/`.
    AnyDirectories,
    /// `**` at the end: anything.
    Anything,
    Class(Class),
}

/// `[a-z]`, `[^a-z]`.
#[derive(Debug, Clone)]
struct Class {
    ranges: Vec<(char, char)>,
    sense: Sense,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sense {
    Within,
    Without,
}

impl Pattern {
    /// Reads a pattern; none when a class is not closed, or a `\` has nothing behind it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut letters = text.chars().peekable();
        let mut pieces = Vec::new();
        while let Some(letter) = letters.next() {
            pieces.push(match letter {
                '*' if letters.next_if_eq(&'*').is_some() => {
                    let _slash = letters.next_if_eq(&'/');
                    match letters.peek() {
                        Some(_) => Piece::AnyDirectories,
                        None => Piece::Anything,
                    }
                }
                '*' => Piece::AnyName,
                '?' => Piece::AnyLetter,
                '[' => Piece::Class(Class::parse(&mut letters)?),
                '\\' => Piece::Letter(letters.next()?),
                letter => Piece::Letter(letter),
            });
        }
        Some(Self(pieces))
    }

    /// Exactly this text.
    pub(super) fn literal(text: &str) -> Self {
        Self(text.chars().map(Piece::Letter).collect())
    }

    /// Whether the whole path fits. Takes time in proportion to both lengths, whatever the pattern.
    pub(super) fn fits(&self, path: &str) -> bool {
        let mut here = self.nowhere();
        self.arrive(&mut here, 0);
        for letter in path.chars() {
            let mut next = self.nowhere();
            for (at, piece) in self.0.iter().enumerate().filter(|(at, _)| here[*at]) {
                self.go(&mut next, at, piece, letter);
            }
            here = next;
        }
        here.last() == Some(&true)
    }

    fn nowhere(&self) -> Vec<bool> {
        vec![false; self.0.len() + 1]
    }

    /// Where one letter leads from the piece at `at`.
    fn go(&self, next: &mut [bool], at: usize, piece: &Piece, letter: char) {
        match piece {
            Piece::Letter(want) if letter == *want => self.arrive(next, at + 1),
            Piece::AnyLetter if letter != '/' => self.arrive(next, at + 1),
            Piece::Class(class) if class.has(letter) => self.arrive(next, at + 1),
            Piece::AnyName if letter != '/' => self.arrive(next, at),
            Piece::Anything => self.arrive(next, at),
            Piece::AnyDirectories => {
                // Within a directory's name: it cannot end here, so this is no arrival.
                next[at] = true;
                if letter == '/' {
                    self.arrive(next, at + 1);
                }
            }
            Piece::Letter(_) | Piece::AnyLetter | Piece::Class(_) | Piece::AnyName => {}
        }
    }

    /// Comes to the piece at `at`, and past it where it may stand for nothing.
    fn arrive(&self, places: &mut [bool], at: usize) {
        let may_be_empty = |piece: &&Piece| {
            matches!(
                piece,
                Piece::AnyName | Piece::AnyDirectories | Piece::Anything
            )
        };
        let empty = self.0[at..].iter().take_while(may_be_empty).count();
        places[at..=at + empty].fill(true);
    }
}

impl Class {
    /// Reads what is behind the `[`, and the `]`.
    fn parse(letters: &mut Peekable<impl Iterator<Item = char>>) -> Option<Self> {
        let sense = match letters.next_if_eq(&'^') {
            Some(_) => Sense::Without,
            None => Sense::Within,
        };
        let mut ranges = Vec::new();
        loop {
            let first = match letters.next()? {
                ']' if !ranges.is_empty() => return Some(Self { ranges, sense }),
                '\\' => letters.next()?,
                letter => letter,
            };
            let last = match letters.next_if_eq(&'-') {
                Some(_) => match letters.next()? {
                    '\\' => letters.next()?,
                    letter => letter,
                },
                None => first,
            };
            ranges.push((first, last));
        }
    }

    fn has(&self, letter: char) -> bool {
        let within = self.ranges.iter().any(|(a, z)| (*a..=*z).contains(&letter));
        within == (self.sense == Sense::Within)
    }
}

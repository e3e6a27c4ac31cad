"""Notebooks as people write them, generated: items that use each other, variables, and cells that work with both.

Ten rounds of six kinds of cells. What a round defines uses what the round before it defined, so that the last cells
have all of it behind them while they are of the same kinds and lengths as the first.
"""

import random
from dataclasses import dataclass

ROUNDS = 10

# What the rounds are about: each notebook takes others, in another order.
NOUNS = [
    *("Sensor", "Station", "Account", "Basket", "Route", "Reactor", "Player", "Forest"),
    *("Orbit", "Recipe", "Turbine", "Colony", "Portfolio", "Harbour", "Signal", "Library"),
]

# In these, `Noun` is the type of the round and `noun` its variable, `Other` and `other` those of the round before.

TYPE = """
#[derive(Clone, Debug, PartialEq)]
pub struct Noun {
    pub name: String,
    pub values: Vec<f64>,
}

impl Noun {
    pub fn new(name: &str, values: Vec<f64>) -> Self {
        Noun { name: name.to_owned(), values }
    }

    pub fn mean(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }
}
"""

TRAIT = """
pub trait Report {
    fn name(&self) -> &str;

    fn report(&self) -> String {
        format!("report on {}", self.name())
    }
}

pub fn check_noun(noun: &Noun) -> Result<f64, String> {
    if noun.values.is_empty() { Err(format!("{} is empty", noun.name)) } else { Ok(noun.mean()) }
}
"""

IMPLEMENTATION = """
impl Report for Noun {
    fn name(&self) -> &str {
        &self.name
    }
}

pub fn check_noun(noun: &Noun) -> Result<f64, String> {
    let before = check_other(&Other::new("before", vec![LIMIT]))?;
    if noun.mean() < before { Ok(noun.mean()) } else { Err(noun.report()) }
}
"""

CONSTANT = """
pub const NOUN_BOUND: f64 = LIMIT;

pub fn check_noun(noun: &Noun) -> Result<f64, String> {
    match noun.mean() - check_other(&Other::new("before", noun.values.clone()))? {
        difference if difference.abs() < NOUN_BOUND => Ok(difference),
        difference => Err(format!("{} is off by {difference:.1}", noun.name)),
    }
}
"""

LET = """
let noun = Noun::new("noun NUMBER", vec!VALUES);
let noun_mean = noun.mean();
"""


@dataclass(frozen=True)
class Cell:
    """One cell: its kind, its code, and how many items it defines."""

    kind: str
    code: str
    items: int = 0


def notebook(seed):
    """The cells of a notebook. Another seed gives another notebook of the same shape."""
    choose = random.Random(seed)
    nouns = choose.sample(NOUNS, ROUNDS)
    cells = []
    for number, noun in enumerate(nouns):
        names = {
            "NUMBER": str(number),
            "LIMIT": f"{choose.randint(20, 80)}.0",
            "VALUES": str([float(choose.randint(1, 100)) for _ in range(choose.randint(3, 8))]),
            "NOUN": noun.upper(),
            "Noun": noun,
            "noun": noun.lower(),
            "Other": nouns[number - 1],
            "other": nouns[number - 1].lower(),
        }
        cells += [Cell(cell.kind, _named(cell.code, names), cell.items) for cell in _round(number)]
    return cells


def _round(number):
    behaviour = TRAIT if number == 0 else CONSTANT if number % 2 else IMPLEMENTATION
    # The first round has none before it.
    other = "noun" if number == 0 else "other"
    return [
        Cell("type", TYPE, 2),
        Cell("behaviour", behaviour, 2),
        Cell("let", LET),
        Cell("println!", 'println!("{}: {:.2} of {}", noun.name, noun_mean, noun.values.len());'),
        Cell("expression", f"noun.values.iter().copied().fold(0.0, f64::max) - {other}_mean"),
        Cell("call", "check_noun(&noun)"),
    ]


def _named(code, names):
    for name, value in names.items():
        code = code.replace(name, value)
    return code.strip()

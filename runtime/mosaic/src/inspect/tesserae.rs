//! The list of tesserae that live.

use crate::{
    error::RuntimeError,
    remote::handle::{Wait, decode_message},
};
use mosaic_abi::State;
use std::{
    fmt,
    future::Future,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Lists the tesserae that live, once awaited: those of this process, and those that outlived an earlier one.
///
/// A notebook's tesserae outlive the process of its cells. `T::attach(uid)` makes a new proxy of such a tessera.
///
/// ```
/// # use mosaic::prelude::*;
/// # #[tessera] struct Counter(u64);
/// # #[tessera] impl Counter {
/// #     fn new(start: u64) -> Self { Counter(start) }
/// #     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let counter = Counter::remote(1).await?;
/// for tessera in mosaic::tesserae().await? {
///     println!("{} is {}", tessera.uid, tessera.state);
///     # assert_eq!(tessera.uid, counter.uid());
/// }
/// # Ok(()) })? }
/// ```
pub fn tesserae() -> Listing {
    Listing {
        // SAFETY: the function hands the caller a wait of its own.
        wait: Wait::begin(|host| unsafe { (host.tesserae)() }),
    }
}

/// A future of the list of tesserae. Made by [`tesserae`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let listing: mosaic::Listing = mosaic::tesserae();
/// assert!(listing.await?.is_empty());
/// # Ok(()) })? }
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct Listing {
    wait: Wait,
}

impl Future for Listing {
    type Output = Result<Tesserae, RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.wait).poll(context));
        let listed = outcome.and_then(|bytes| decode_message::<Vec<mosaic_abi::Listed>>(&bytes));
        Poll::Ready(match listed {
            Ok(listed) => Ok(Tesserae(listed.into_iter().map(LivingTessera::from).collect())),
            Err(failure) => Err(RuntimeError::new(failure)),
        })
    }
}

/// A tessera that lives, whichever process made it.
///
/// ```
/// # use mosaic::prelude::*;
/// # #[tessera] struct Counter(u64);
/// # #[tessera] impl Counter {
/// #     fn new(start: u64) -> Self { Counter(start) }
/// #     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let counter = Counter::remote(1).await?;
/// let tesserae = mosaic::tesserae().await?;
/// let again = Counter::attach(&tesserae[0].uid).await?;
/// assert_eq!(again.add(1).result().await?, 2);
/// # Ok(()) })? }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LivingTessera {
    /// The tessera's unique name, such as `tess-solver1-70c44acf610242cb95993ae2d7eb8bc5`. `T::attach` takes it.
    pub uid: String,
    /// The name of the tessera's type.
    pub type_name: String,
    /// The worker that the tessera lives on, such as `worker:0:1`, once it is known.
    pub worker: Option<String>,
    /// The tessera's state, as far as it is known.
    pub state: State,
}

impl From<mosaic_abi::Listed> for LivingTessera {
    fn from(listed: mosaic_abi::Listed) -> LivingTessera {
        LivingTessera {
            uid: listed.uid,
            type_name: listed.type_name,
            worker: listed.runtime,
            state: listed.state,
        }
    }
}

/// The tesserae that lived at the time of the question, ordered by type. Derefs to a slice of [`LivingTessera`], and is
/// displayed as a table.
///
/// ```
/// # use mosaic::prelude::*;
/// # #[tessera] struct Counter(u64);
/// # #[tessera] impl Counter {
/// #     fn new(start: u64) -> Self { Counter(start) }
/// #     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let counter = Counter::remote(1).await?;
/// println!("{}", mosaic::tesserae().await?);
/// # Ok(()) })? }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Tesserae(pub(crate) Vec<LivingTessera>);

impl Deref for Tesserae {
    type Target = [LivingTessera];

    fn deref(&self) -> &[LivingTessera] {
        &self.0
    }
}

impl IntoIterator for Tesserae {
    type Item = LivingTessera;
    type IntoIter = std::vec::IntoIter<LivingTessera>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Tesserae {
    type Item = &'a LivingTessera;
    type IntoIter = std::slice::Iter<'a, LivingTessera>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Tesserae {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no tessera lives");
        }
        let rows: Vec<[String; 4]> = std::iter::once(["TYPE", "UID", "WORKER", "STATE"].map(str::to_owned))
            .chain(self.0.iter().map(row))
            .collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = [0, 1, 2].map(width);
        for (index, [type_name, uid, worker, state]) in rows.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let [first, second, third] = widths;
            write!(f, "{type_name:<first$}  {uid:<second$}  {worker:<third$}  {state}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Tesserae {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn row(tessera: &LivingTessera) -> [String; 4] {
    let worker = tessera.worker.clone().unwrap_or_else(|| "-".to_owned());
    [
        tessera.type_name.clone(),
        tessera.uid.clone(),
        worker,
        tessera.state.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_a_table() {
        let tessera = |type_name: &str, uid: &str, worker: Option<&str>, state| LivingTessera {
            uid: uid.to_owned(),
            type_name: type_name.to_owned(),
            worker: worker.map(str::to_owned),
            state,
        };
        let tesserae = Tesserae(vec![
            tessera("Counter", "tess-counter-70c4", Some("worker:0:1"), State::Done),
            tessera("Fir", "tess-fir-844e", None, State::Pending),
        ]);
        assert_eq!(
            tesserae.to_string(),
            "TYPE     UID                WORKER      STATE\n\
             Counter  tess-counter-70c4  worker:0:1  done\n\
             Fir      tess-fir-844e      -           pending"
        );
        assert_eq!(format!("{:?}", Tesserae(Vec::new())), "no tessera lives");
    }
}

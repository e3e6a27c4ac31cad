//! What the generated proxies are made of.

use crate::{
    Portable, TaskError, TaskProxy,
    argument::Arg,
    handle::Wait,
    host::{failure, host},
    interrupt::checkpoint,
    object::{Arguments, Object},
};
use mosaic_abi::{Failure, FailureKind, Handle, State, TesseraTable};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// An untyped proxy: the remote object, and the tasks that its calls wait for.
#[derive(Clone)]
pub struct Tessera {
    object: Object,
    methods: Methods,
    after: Vec<Object>,
}

/// The methods of the definition that a tessera was made from.
#[derive(Clone)]
enum Methods {
    /// In this process.
    Own(&'static TesseraTable),
    /// Somewhere else: their signatures.
    Found(Arc<[String]>),
}

impl Methods {
    fn signature(&self, method: u32) -> Option<&str> {
        match self {
            Methods::Own(table) => table.signature(method),
            Methods::Found(signatures) => {
                let method = usize::try_from(method).ok()?;
                signatures.get(method).map(String::as_str)
            }
        }
    }
}

impl Tessera {
    /// Creates a tessera from the code that `table` describes.
    ///
    /// # Panics
    ///
    /// If the runtime is off, with a message that says how to start it, so that the cell fails at once.
    #[track_caller]
    pub fn create(table: &'static TesseraTable, arguments: Vec<Arg>) -> Tessera {
        checkpoint();
        let host = host().unwrap_or_else(|failure| panic!("{}", failure.message));
        let object = match Arguments::collect(arguments) {
            Err(failure) => Object::failed(failure, table.type_name(), None),
            Ok(arguments) => {
                let submitted = arguments.hand_over(|arguments, count| {
                    // SAFETY: `table` is static, the arguments are handed over, and no task is listed.
                    unsafe { (host.create)(table, arguments, count, std::ptr::null(), 0) }
                });
                Object::submitted(submitted, table.type_name(), None)
            }
        };
        if let Some(failure) = object.failure()
            && matches!(failure.kind, FailureKind::NotRunning | FailureKind::Runtime)
        {
            panic!("{}", failure.message);
        }
        Tessera {
            object,
            methods: Methods::Own(table),
            after: Vec::new(),
        }
    }

    /// The tessera that was found as `object`, which this takes over.
    pub(crate) fn attached(object: Object) -> Tessera {
        Tessera {
            methods: Methods::Found(object.signatures().into()),
            object,
            after: Vec::new(),
        }
    }

    /// Calls method number `method` of `table`, the definition that the caller was compiled with. Whatever goes wrong is
    /// the task's failure.
    pub fn call<T>(&self, table: &'static TesseraTable, method: u32, arguments: Vec<Arg>) -> TaskProxy<T> {
        checkpoint();
        let tessera = table.type_name();
        let name = method_name(table, method);
        let submitted = self
            .number(table, method)
            .and_then(|number| self.submit(number, arguments));
        TaskProxy::new(match submitted {
            Ok(submitted) => Object::submitted(submitted, tessera, Some(&name)),
            Err(failure) => Object::failed(failure, tessera, Some(&name)),
        })
    }

    fn submit(&self, method: u32, arguments: Vec<Arg>) -> Result<mosaic_abi::Submitted, Failure> {
        let host = host()?;
        let tessera = self.object.needed()?;
        let arguments = Arguments::collect(arguments)?;
        let after = self
            .after
            .iter()
            .map(Object::needed)
            .collect::<Result<Vec<Handle>, _>>()?;
        Ok(arguments.hand_over(|arguments, count| {
            // SAFETY: the handles are alive, since `self` owns them; the arguments are handed over.
            unsafe { (host.call)(tessera, method, arguments, count, after.as_ptr(), after.len()) }
        }))
    }

    /// The number that a method of `table` has in the definition which this tessera was made from. A cell that defines the
    /// type again leaves the tesserae that exist as they are.
    fn number(&self, table: &'static TesseraTable, method: u32) -> Result<u32, Failure> {
        let wanted = table.signature(method);
        if wanted == self.methods.signature(method) {
            return Ok(method);
        }
        let mut signatures =
            (0..).map_while(|number| self.methods.signature(number).map(|signature| (number, signature)));
        let found = signatures.find(|(_, signature)| Some(*signature) == wanted);
        found.map(|(number, _)| number).ok_or_else(|| {
            let (tessera, wanted) = (table.type_name(), wanted.unwrap_or("that"));
            let message = format!(
                "the tessera was made by an earlier definition of `{tessera}`, which has no method `{wanted}`: \
                 make it anew with `{tessera}::remote`"
            );
            failure(FailureKind::Runtime, message)
        })
    }

    /// The same tessera, whose calls wait until `task` is done as well.
    pub fn after<D>(&self, task: &TaskProxy<D>) -> Tessera {
        let mut proxy = self.clone();
        proxy.after.push(task.object.clone());
        proxy
    }

    /// Where it lives, once that is known.
    pub fn worker(&self) -> Option<String> {
        self.object.describe().runtime
    }

    /// Its state as far as this process knows.
    pub fn state(&self) -> State {
        self.object.describe().state
    }

    /// The tessera's unique name, such as `tess-solver1-70c44acf610242cb95993ae2d7eb8bc5`.
    pub fn uid(&self) -> String {
        self.object.describe().uid
    }
}

fn method_name(table: &TesseraTable, method: u32) -> String {
    let number = usize::try_from(method).unwrap_or(usize::MAX);
    if number >= table.method_count {
        return format!("method {method}");
    }
    // SAFETY: `methods` points to `method_count` names (see `TesseraTable`), all of them static.
    unsafe { (*table.methods.add(number)).as_text() }.into_owned()
}

impl fmt::Display for Tessera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.object.show("TesseraProxy", f)
    }
}

impl fmt::Debug for Tessera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.object.show("TesseraProxy", f)
    }
}

/// Waits until a tessera is constructed and returns its proxy.
#[must_use = "a future does nothing until it is awaited"]
pub struct Constructed<P> {
    wait: Wait,
    proxy: Option<P>,
}

impl<P> Constructed<P> {
    /// Waits for `tessera`, whose typed proxy is `proxy`.
    pub fn new(tessera: Tessera, proxy: P) -> Constructed<P> {
        Constructed {
            // SAFETY: the handle is alive, since `tessera` owns it.
            wait: tessera.object.wait(|host, handle| unsafe { (host.wait)(handle) }),
            proxy: Some(proxy),
        }
    }
}

impl<P: Unpin> Future for Constructed<P> {
    type Output = Result<P, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.wait).poll(context));
        let proxy = self.proxy.take().expect("a future is not polled after it was ready");
        Poll::Ready(outcome.map(|_| proxy).map_err(TaskError::new))
    }
}

/// Compiles only where `T` can travel.
pub fn assert_portable<T: Portable>() {}

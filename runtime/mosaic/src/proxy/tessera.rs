//! What the generated proxies are made of.

use crate::{
    error::TaskError,
    guest::interrupt::checkpoint,
    host::{failure, host},
    remote::argument::{Arg, Portable},
    remote::handle::Wait,
    remote::object::{Arguments, Object},
    task::function,
    task::task_proxy::TaskProxy,
};
use mosaic_abi::{
    Definition, Failure, FailureKind, FunctionTable, Handle, Options, State, Submitted, TesseraTable, short_name,
};
use std::{
    borrow::Cow,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

/// An untyped proxy: the remote object, and how its calls are carried out.
#[derive(Clone)]
pub struct Tessera {
    object: Object,
    methods: Methods,
    /// The tasks that calls wait for.
    after: Vec<Object>,
    /// Those of its calls.
    options: Options,
}

/// The methods of the definition that a tessera was made from.
#[derive(Clone)]
enum Methods {
    /// In this process.
    Own(&'static Definition),
    /// Somewhere else: their signatures.
    Found(Arc<[String]>),
}

/// What is to be run on a tessera.
enum What {
    /// The method with this number in the caller's definition.
    Method(u32),
    /// A function, of the type whose definition the caller was compiled with.
    Function(&'static FunctionTable),
}

impl Methods {
    fn signature(&self, method: u32) -> Option<&str> {
        match self {
            Methods::Own(definition) => definition.signature(method),
            Methods::Found(signatures) => {
                let method = usize::try_from(method).ok()?;
                signatures.get(method).map(String::as_str)
            }
        }
    }
}

impl Tessera {
    /// Creates a tessera from the code that `table` describes. Its calls have the same options.
    ///
    /// # Panics
    ///
    /// If the runtime is off, with a message that says how to start it, so that the cell fails at once.
    #[track_caller]
    pub fn create(table: &'static TesseraTable, options: Options, arguments: Vec<Arg>) -> Tessera {
        checkpoint();
        let host = host().unwrap_or_else(|failure| panic!("{}", failure.message));
        let object = match Arguments::collect(arguments) {
            Err(failure) => Object::failed(failure, table.definition.type_name(), None),
            Ok(arguments) => {
                // SAFETY: `table` is static, and the request's arguments are handed over.
                let create = |request| unsafe { (host.create)(table, std::ptr::null(), request) };
                let submitted = arguments.hand_over(&[], 0, &options, create);
                Object::submitted(submitted, table.definition.type_name(), None)
            }
        };
        if let Some(failure) = object.failure()
            && matches!(failure.kind, FailureKind::NotRunning | FailureKind::Runtime)
        {
            panic!("{}", failure.message);
        }
        Tessera {
            object,
            methods: Methods::Own(&table.definition),
            after: Vec::new(),
            options: of_calls(options),
        }
    }

    /// Makes a tessera of a task's result, where that lies, by the function `maker`.
    pub(crate) fn made(
        table: &'static TesseraTable,
        maker: &'static FunctionTable,
        options: Options,
        task: &Object,
    ) -> Tessera {
        checkpoint();
        let made = host().and_then(|host| {
            let near = task.needed()?;
            let arguments = Arguments::collect(vec![Arg::produced(task.clone())])?;
            // SAFETY: the tables are static, and the request's arguments are handed over.
            let create = |request| unsafe { (host.create)(table, maker, request) };
            Ok(arguments.hand_over(&[], near, &options, create))
        });
        let object = match made {
            Ok(submitted) => Object::submitted(submitted, table.definition.type_name(), None),
            Err(failure) => Object::failed(failure, table.definition.type_name(), None),
        };
        Tessera {
            object,
            methods: Methods::Own(&table.definition),
            after: Vec::new(),
            options: of_calls(options),
        }
    }

    /// The tessera that was found as `object`, which this takes over.
    pub(crate) fn attached(object: Object) -> Tessera {
        Tessera {
            methods: Methods::Found(object.signatures().into()),
            object,
            after: Vec::new(),
            options: Options::new(),
        }
    }

    /// The same tessera, whose calls have `options` where they had none before.
    #[must_use]
    pub fn or(mut self, options: &Options) -> Tessera {
        self.options = of_calls(self.options.or(options));
        self
    }

    /// The same tessera, whose calls have `options`, and for the rest those that they had.
    pub fn with(&self, options: Options) -> Tessera {
        let mut proxy = self.clone();
        proxy.options = options.or(&self.options);
        proxy
    }

    /// Calls method number `method` of `definition`, that which the caller was compiled with. Whatever goes wrong is the
    /// task's failure.
    pub fn call<T>(&self, definition: &'static Definition, method: u32, arguments: Vec<Arg>) -> TaskProxy<T> {
        TaskProxy::new(self.object_of(definition, &What::Method(method), arguments))
    }

    /// The task of a call: compiled once, whatever it returns.
    fn object_of(&self, definition: &'static Definition, what: &What, arguments: Vec<Arg>) -> Object {
        checkpoint();
        let tessera = definition.type_name();
        let name = what.name(definition);
        match self.submit(definition, what, arguments) {
            Ok(submitted) => Object::submitted(submitted, tessera, Some(&name)),
            Err(failure) => Object::failed(failure, tessera, Some(&name)),
        }
    }

    /// Runs a function that reads the object, in its turn among the calls.
    pub fn get<T, R, F>(&self, definition: &'static Definition, function: F) -> TaskProxy<R>
    where
        T: 'static,
        R: Portable,
        F: Fn(&T) -> R + Copy + Send + 'static,
    {
        let function = What::Function(function::reading::<T, R, F>(function));
        TaskProxy::new(self.object_of(definition, &function, Vec::new()))
    }

    /// Runs a function that changes the object, in its turn among the calls.
    pub fn update<T, A, R, F>(&self, definition: &'static Definition, function: F, argument: Arg) -> TaskProxy<R>
    where
        T: 'static,
        A: Portable,
        R: Portable,
        F: Fn(&mut T, A) -> R + Copy + Send + 'static,
    {
        let function = What::Function(function::changing::<T, A, R, F>(function));
        TaskProxy::new(self.object_of(definition, &function, vec![argument]))
    }

    fn submit(&self, definition: &Definition, what: &What, arguments: Vec<Arg>) -> Result<Submitted, Failure> {
        let number = match what {
            What::Method(method) => self.number(definition, *method)?,
            What::Function(_) => self.same_definition(definition).map(|()| 0)?,
        };
        let host = host()?;
        let tessera = self.object.needed()?;
        let arguments = Arguments::collect(arguments)?;
        let after = self
            .after
            .iter()
            .map(Object::needed)
            .collect::<Result<Vec<Handle>, _>>()?;
        let submit = |request| match what {
            // SAFETY: the tessera is alive, since `object` owns it, and the request's arguments are handed over.
            What::Method(_) => unsafe { (host.call)(tessera, number, request) },
            // SAFETY: the same, and the function's table is static.
            What::Function(function) => unsafe { (host.apply)(tessera, *function, request) },
        };
        Ok(arguments.hand_over(&after, 0, &self.options, submit))
    }

    /// Fails where this tessera was made by another definition than `definition`, whose objects may have other fields.
    fn same_definition(&self, definition: &Definition) -> Result<(), Failure> {
        let same = match &self.methods {
            Methods::Own(own) => own.layout == definition.layout && own.signatures().eq(definition.signatures()),
            Methods::Found(signatures) => definition.signatures().eq(signatures.iter().map(String::as_str)),
        };
        if same {
            return Ok(());
        }
        let tessera = definition.type_name();
        let message = format!(
            "the tessera was made by an earlier definition of `{tessera}`, whose fields may be others: make it anew with \
             `{tessera}::remote`"
        );
        Err(failure(FailureKind::Runtime, message))
    }

    /// The number that a method of `definition` has in the definition which this tessera was made from. A cell that defines the
    /// type again leaves the tesserae that exist as they are.
    fn number(&self, definition: &Definition, method: u32) -> Result<u32, Failure> {
        let wanted = definition.signature(method);
        if wanted == self.methods.signature(method) {
            return Ok(method);
        }
        let mut signatures =
            (0..).map_while(|number| self.methods.signature(number).map(|signature| (number, signature)));
        let found = signatures.find(|(_, signature)| Some(*signature) == wanted);
        found.map(|(number, _)| number).ok_or_else(|| {
            let (tessera, wanted) = (definition.type_name(), wanted.unwrap_or("that"));
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

/// What of a tessera's options is its calls' business, too: they run where it lives.
fn of_calls(options: Options) -> Options {
    let mut options = options;
    options.worker = None;
    options.restarts = None;
    options
}

impl What {
    fn name(&self, definition: &Definition) -> Cow<'static, str> {
        match self {
            What::Method(method) => match definition.method(*method) {
                Some(name) => name.into(),
                None => format!("method {method}").into(),
            },
            What::Function(function) => short_name(function.name()).into(),
        }
    }
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
            wait: tessera.object.finished(),
            proxy: Some(proxy),
        }
    }
}

impl<P> Constructed<P> {
    /// Waits no longer than `duration`. The constructor goes on.
    pub fn timeout(self, duration: Duration) -> Constructed<P> {
        Constructed {
            wait: self.wait.limited(duration),
            proxy: self.proxy,
        }
    }
}

impl<P: Unpin> Future for Constructed<P> {
    type Output = Result<P, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let over = ready!(self.wait.poll_over(context));
        let proxy = self.proxy.take().expect("a future is not polled after it was ready");
        Poll::Ready(over.map(|()| proxy))
    }
}

/// Compiles only where `T` can travel.
pub fn assert_portable<T: Portable>() {}

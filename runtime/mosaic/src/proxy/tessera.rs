//! Operation the generated proxies are made of.

use super::methods::Methods;
use crate::{
    guest::interrupt::checkpoint,
    host::host,
    remote::{argument::Arg, handle::Wait, object::Object, submission::OutgoingArguments},
    task::{function::tables, task_proxy::TaskProxy},
    value::portable::Portable,
};
use mosaic_abi::{
    Definition, Failure, FailureKind, FunctionTable, Handle, Options, State, Submitted, TesseraTable, short_name,
};
use std::{borrow::Cow, fmt};

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

/// Operation is to be run on a tessera.
enum Operation {
    /// The method with this number in the caller's definition.
    Method(u32),
    /// A function, of the type whose definition the caller was compiled with.
    Function(&'static FunctionTable),
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
        let object = match OutgoingArguments::collect(arguments) {
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
            let arguments = OutgoingArguments::collect(vec![Arg::produced(task.clone())])?;
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
        TaskProxy::new(self.object_of(definition, &Operation::Method(method), arguments))
    }

    /// The task of a call: compiled once, whatever it returns.
    fn object_of(&self, definition: &'static Definition, operation: &Operation, arguments: Vec<Arg>) -> Object {
        checkpoint();
        let tessera = definition.type_name();
        let name = operation.name(definition);
        match self.submit(definition, operation, arguments) {
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
        let function = Operation::Function(tables::reading::<T, R, F>(function));
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
        let function = Operation::Function(tables::changing::<T, A, R, F>(function));
        TaskProxy::new(self.object_of(definition, &function, vec![argument]))
    }

    fn submit(
        &self,
        definition: &Definition,
        operation: &Operation,
        arguments: Vec<Arg>,
    ) -> Result<Submitted, Failure> {
        let number = match operation {
            Operation::Method(method) => self.methods.number(definition, *method)?,
            Operation::Function(_) => self.methods.check_same_definition(definition).map(|()| 0)?,
        };
        let host = host()?;
        let tessera = self.object.needed()?;
        let arguments = OutgoingArguments::collect(arguments)?;
        let after = self
            .after
            .iter()
            .map(Object::needed)
            .collect::<Result<Vec<Handle>, _>>()?;
        let submit = |request| match operation {
            // SAFETY: the tessera is alive, since `object` owns it, and the request's arguments are handed over.
            Operation::Method(_) => unsafe { (host.call)(tessera, number, request) },
            // SAFETY: the same, and the function's table is static.
            Operation::Function(function) => unsafe { (host.apply)(tessera, *function, request) },
        };
        Ok(arguments.hand_over(&after, 0, &self.options, submit))
    }

    /// The same tessera, whose calls wait until `task` is done as well.
    pub fn after<D>(&self, task: &TaskProxy<D>) -> Tessera {
        let mut proxy = self.clone();
        proxy.after.push(task.object.clone());
        proxy
    }

    /// Waits until the tessera is constructed.
    pub(super) fn constructed(&self) -> Wait {
        self.object.finished()
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

/// Operation of a tessera's options is its calls' business, too: they run where it lives.
fn of_calls(options: Options) -> Options {
    let mut options = options;
    options.worker = None;
    options.restarts = None;
    options
}

impl Operation {
    fn name(&self, definition: &Definition) -> Cow<'static, str> {
        match self {
            Operation::Method(method) => match definition.method(*method) {
                Some(name) => name.into(),
                None => format!("method {method}").into(),
            },
            Operation::Function(function) => short_name(function.name()).into(),
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

//! The untyped proxy inside each generated proxy.

use super::{actor::Actor, methods::Methods};
use crate::{
    guest::interrupt::checkpoint,
    host::host,
    remote::{argument::Arg, handle::Wait, object::Object, submission::OutgoingArguments},
    task::{function::tables, task_proxy::TaskProxy},
    value::portable::Portable,
};
use mosaic_abi::{Definition, Failure, FunctionTable, Handle, Options, State, Submitted, TesseraTable, short_name};
use std::{borrow::Cow, fmt, mem};

/// An untyped proxy: a remote object, and the options and dependencies of its calls.
#[derive(Clone)]
pub struct Tessera {
    object: Object,
    methods: Methods,
    /// Tasks that calls wait for.
    after: Vec<Object>,
    /// The options of calls.
    options: Options,
}

/// Code that runs on a tessera.
enum Operation {
    /// The method with this number in the caller's definition.
    Method(u32),
    /// A function of the type that the caller's definition describes.
    Function(&'static FunctionTable),
}

impl Tessera {
    /// Creates a tessera from the code that `table` describes. Its calls have the same options. Any error becomes the
    /// tessera's failure.
    pub fn create(table: &'static TesseraTable, options: Options, arguments: Vec<Arg>) -> Tessera {
        checkpoint();
        let created = host().and_then(|host| {
            let arguments = OutgoingArguments::collect(arguments)?;
            // SAFETY: `table` is static, and the request's arguments are handed over.
            let create = |request| unsafe { (host.create)(table, std::ptr::null(), request) };
            Ok(arguments.hand_over(&[], 0, &options, create))
        });
        Tessera::submitted(created, table, options)
    }

    /// Makes a tessera from a task's result, where the result lies, by the function `maker`.
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
        Tessera::submitted(made, table, options)
    }

    /// Makes the proxy of a new tessera, or of one that could not be submitted.
    fn submitted(tessera: Result<Submitted, Failure>, table: &'static TesseraTable, options: Options) -> Tessera {
        let object = match tessera {
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

    /// Makes a proxy of a tessera that was found, and takes over its object.
    ///
    /// # Errors
    ///
    /// The tessera is not of `definition`'s type.
    pub(crate) fn attached(object: Object, definition: &Definition) -> Result<Tessera, Failure> {
        let methods = Methods::Found(object.signatures().into());
        if let Err(failure) = methods.check_same_type(definition) {
            // Asking for the signatures has taken the tessera over: released, it would be freed for everybody.
            mem::forget(object);
            return Err(failure);
        }
        Ok(Tessera {
            methods,
            object,
            after: Vec::new(),
            options: Options::new(),
        })
    }

    /// Fills in `options` for calls where this proxy has none.
    #[must_use]
    pub fn or(mut self, options: &Options) -> Tessera {
        self.options = of_calls(self.options.or(options));
        self
    }

    /// Returns a proxy of the same tessera whose calls have `options`. What they leave unset stays as it was.
    pub fn with(&self, options: Options) -> Tessera {
        let mut proxy = self.clone();
        proxy.options = options.or(&self.options);
        proxy
    }

    /// Calls method number `method` of `definition`, with which the caller was compiled. Any error becomes the task's
    /// failure.
    pub fn call<T>(&self, definition: &'static Definition, method: u32, arguments: Vec<Arg>) -> TaskProxy<T> {
        TaskProxy::new(self.object_of(definition, &Operation::Method(method), arguments))
    }

    /// Submits a call and returns its task. Not generic, so that it is compiled once.
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
        T: Actor,
        R: Portable,
        F: Fn(&T) -> R + Copy + Send + 'static,
    {
        let function = Operation::Function(tables::reading::<T, R, F>(function));
        TaskProxy::new(self.object_of(definition, &function, Vec::new()))
    }

    /// Runs a function that changes the object, in its turn among the calls.
    pub fn update<T, A, R, F>(&self, definition: &'static Definition, function: F, argument: Arg) -> TaskProxy<R>
    where
        T: Actor,
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
            Operation::Function(_) => self.methods.check_same_object(definition).map(|()| 0)?,
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
            // SAFETY: as above, and the function's table is static.
            Operation::Function(function) => unsafe { (host.apply)(tessera, *function, request) },
        };
        Ok(arguments.hand_over(&after, 0, &self.options, submit))
    }

    /// Returns a proxy of the same tessera whose calls also wait until `task` is done.
    pub fn after<D>(&self, task: &TaskProxy<D>) -> Tessera {
        let mut proxy = self.clone();
        proxy.after.push(task.object.clone());
        proxy
    }

    /// Waits until the tessera is constructed.
    pub(super) fn constructed(&self) -> Wait {
        self.object.finished()
    }

    /// Returns the worker that the tessera lives on, once it is known.
    pub fn worker(&self) -> Option<String> {
        self.object.describe().runtime
    }

    /// Returns the tessera's state, as far as this process knows it.
    pub fn state(&self) -> State {
        self.object.describe().state
    }

    /// Returns the tessera's unique name, such as `tess-solver1-70c44acf610242cb95993ae2d7eb8bc5`.
    pub fn uid(&self) -> String {
        self.object.describe().uid
    }
}

/// Keeps the options of a tessera that also apply to its calls. A call runs where its tessera lives.
fn of_calls(options: Options) -> Options {
    let mut options = options;
    options.worker = None;
    options.near = None;
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

//! The state of a widget, which the front end shares by the protocol `jupyter.widget` 2.1.0.

use crate::{
    Error, Value,
    comm::{self, Comm, Message},
    json,
};
use serde_json::Map;
use std::{
    collections::HashMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

const TARGET: &str = "jupyter.widget";
const CONTROL_TARGET: &str = "jupyter.widget.control";
const PROTOCOL: &str = "2.1.0";

/// All models of this process. A front end that connects later asks for them.
static MODELS: LazyLock<Mutex<HashMap<String, Model>>> = LazyLock::new(|| {
    if let Err(error) = comm::register_target(CONTROL_TARGET, |comm, _| comm.on_message(answer_control)) {
        eprintln!("widgets cannot be shown: {error}");
    }
    Mutex::default()
});

type Observer = Arc<Mutex<dyn FnMut(&Value) + Send>>;

/// The state of a widget, which the front end shares. Cheap to clone.
///
/// ```
/// use notebook::{json, prelude::*, widgets::Model};
/// let slider = IntSlider::new(5, 0..=10);
/// let model: &Model = slider.model();
/// assert_eq!(model.get("max"), json!(10));
/// ```
#[derive(Clone)]
pub struct Model {
    shared: Arc<Shared>,
}

struct Shared {
    /// `None` if there is no front end.
    comm: Option<Comm>,
    state: Mutex<Map<String, Value>>,
    /// Observers by property; those of a view's own events (a click), by the name of the event.
    observers: Mutex<Vec<(String, Observer)>>,
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Model {
    /// Opens a model with this state.
    pub(super) fn open(state: Value) -> Model {
        let state = match state {
            Value::Object(state) => state,
            _ => Map::new(),
        };
        let models = &*MODELS;
        let message = Message {
            data: json!({ "state": state, "buffer_paths": [] }),
            metadata: json!({ "version": PROTOCOL }),
            buffers: Vec::new(),
        };
        let comm = Comm::open(TARGET, message);
        let model = Model {
            shared: Arc::new(Shared {
                comm: comm.as_ref().ok().cloned(),
                state: Mutex::new(state),
                observers: Mutex::default(),
            }),
        };
        match comm {
            Ok(comm) => {
                lock(models).insert(comm.id().to_owned(), model.clone());
                let receiver = model.clone();
                comm.on_message(move |_, message| receiver.receive(&message.data));
                comm.on_close(|comm, _| drop(lock(&MODELS).remove(comm.id())));
            }
            Err(error) => eprintln!("a widget cannot be shown: {error}"),
        }
        model
    }

    /// Returns the model's unique id; empty without a front end.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let slider = IntSlider::new(5, 0..=10);
    /// println!("{}", slider.model().id());
    /// ```
    pub fn id(&self) -> &str {
        self.shared.comm.as_ref().map_or("", Comm::id)
    }

    /// Returns the name by which other models refer to this one.
    pub(super) fn reference(&self) -> String {
        format!("IPY_MODEL_{}", self.id())
    }

    /// Returns a property, or null.
    ///
    /// ```
    /// use notebook::{json, prelude::*};
    /// assert_eq!(IntSlider::new(5, 0..=10).model().get("max"), json!(10));
    /// ```
    pub fn get(&self, property: &str) -> Value {
        lock(&self.shared.state).get(property).cloned().unwrap_or_default()
    }

    /// Sets a property, here and in the front end, and calls its observers.
    ///
    /// ```
    /// use notebook::{json, prelude::*};
    /// IntSlider::new(5, 0..=10).model().set("max", json!(20));
    /// ```
    pub fn set(&self, property: &str, value: Value) {
        if self.change(property, &value) {
            let state = Map::from_iter([(property.to_owned(), value.clone())]);
            if let Err(error) = self.send(json!({ "method": "update", "state": state, "buffer_paths": [] })) {
                eprintln!("a widget cannot be changed: {error}");
            }
            self.notify(property, &value);
        }
    }

    /// Calls `observer` with each new value of a property.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// let slider = IntSlider::new(5, 0..=10);
    /// slider.model().observe("max", |max| println!("the maximum is {max}"));
    /// ```
    pub fn observe(&self, property: &str, observer: impl FnMut(&Value) + Send + 'static) {
        lock(&self.shared.observers).push((property.to_owned(), Arc::new(Mutex::new(observer))));
    }

    /// Closes the model. The front end removes its widget.
    ///
    /// ```
    /// use notebook::prelude::*;
    /// IntSlider::new(5, 0..=10).model().close();
    /// ```
    pub fn close(&self) {
        lock(&MODELS).remove(self.id());
        if let Some(comm) = &self.shared.comm {
            // Without a front end the model is closed as well.
            let _ = comm.close();
        }
    }

    pub(super) fn describe(&self) -> String {
        let state = lock(&self.shared.state);
        let name = state.get("_model_name").and_then(Value::as_str).unwrap_or_default();
        let name = name.strip_suffix("Model").unwrap_or(name);
        match state.get("value") {
            Some(value) => format!("{name}({value})"),
            None => format!("{name}()"),
        }
    }

    /// Sets a property here. Returns whether its value changed.
    fn change(&self, property: &str, value: &Value) -> bool {
        let before = lock(&self.shared.state).insert(property.to_owned(), value.clone());
        before.as_ref() != Some(value)
    }

    fn notify(&self, name: &str, value: &Value) {
        // Outside the locks, since an observer may observe, and set what it observes.
        let observers = lock(&self.shared.observers).clone();
        for (_, observer) in observers.iter().filter(|(of, _)| of == name) {
            // An observer that sets its own property is not called again from within itself.
            let Ok(mut observer) = observer.try_lock() else {
                continue;
            };
            // Caught here, so that the observer's lock is not poisoned.
            let outcome = catch_unwind(AssertUnwindSafe(|| observer(value)));
            drop(observer);
            if let Err(panic) = outcome {
                resume_unwind(panic);
            }
        }
    }

    fn send(&self, data: Value) -> Result<(), Error> {
        match &self.shared.comm {
            Some(comm) => comm.send(data),
            None => Ok(()),
        }
    }

    /// Handles a message of the front end.
    fn receive(&self, data: &Value) {
        match data["method"].as_str() {
            Some("update") => {
                let Some(state) = data["state"].as_object() else { return };
                let changed: Vec<_> = state.iter().filter(|(name, value)| self.change(name, value)).collect();
                for (name, value) in changed {
                    self.notify(name, value);
                }
            }
            Some("request_state") => {
                let state = lock(&self.shared.state).clone();
                if let Err(error) = self.send(json!({ "method": "update", "state": state, "buffer_paths": [] })) {
                    eprintln!("a widget cannot be shown: {error}");
                }
            }
            Some("custom") => {
                let event = data["content"]["event"].as_str().unwrap_or_default();
                self.notify(event, &data["content"]);
            }
            _ => {}
        }
    }

    /// Returns the state in the form that a front end asks for when it connects later.
    fn saved(&self) -> Value {
        let state = lock(&self.shared.state).clone();
        let part = |name: &str| state.get(name).cloned().unwrap_or_default();
        json!({
            "model_name": part("_model_name"),
            "model_module": part("_model_module"),
            "model_module_version": part("_model_module_version"),
            "state": state,
        })
    }
}

/// Answers `jupyter.widget.control`, which asks for all models at once.
fn answer_control(comm: &Comm, message: Message) {
    if message.data["method"] != "request_states" {
        return;
    }
    let models: Vec<Model> = lock(&MODELS).values().cloned().collect();
    let states: Map<String, Value> = models
        .iter()
        .map(|model| (model.id().to_owned(), model.saved()))
        .collect();
    if let Err(error) = comm.send(json!({ "method": "update_states", "states": states, "buffer_paths": [] })) {
        eprintln!("widgets cannot be shown: {error}");
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

//! A trained model on a backend, ready for use.
//!
//! A [`Session`] owns its data and is cheap to clone, so it can be stored in a struct or sent to a thread. Every task adds
//! methods (`predict`, `evaluate`, `inspect`, `generator`, `step`).
//!
//! ```
//! use refrain::{Cpu, Model, Result, Session, sample::SamplingOptions, task::Language};
//!
//! # fn write(bytes: &[u8]) -> Result<()> {
//! let session = Session::new(Model::<Language>::from_bytes(bytes)?, &Cpu::new(1)?);
//! let other = session.clone();
//! let thread = std::thread::spawn(move || other.write("ROMEO:", 200, &SamplingOptions::default()));
//! println!("{}", session.write("JULIET:", 200, &SamplingOptions::default())?);
//! # drop(thread);
//! # Ok(())
//! # }
//! ```
//!
//! Unidirectional models can run step by step, with the state as a value of the caller: plain vectors.
//!
//! ```
//! # use refrain::{Cpu, Result, Session, task::Language};
//! # fn step(session: &Session<Language, Cpu>) -> Result<()> {
//! let mut state = session.zero_state(1);
//! let logits = session.step(&[7], &mut state)?;
//! let before = state.clone();
//! let next = session.step(&[3], &mut state)?;
//! // A different continuation from the same state.
//! let other = session.step(&[5], &mut before.clone())?;
//! # drop((logits, next, other));
//! let trace = session.trace(&[7, 3])?;
//! let (hidden, input_gate) = (&trace["h"], trace.get("i"));
//! # assert!(input_gate.is_none_or(|gate| gate.len() == hidden.len()));
//! # Ok(())
//! # }
//! ```

use std::any::Any;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use refrain_kernels::{Backend, Real, RecurrentSpec, State};

use crate::model::{Network, RecurrentLayers, Task, Weights};
use crate::store::Model;
use crate::{Error, InputProblem, ModelProblem, Result};

/// A model on a backend.
#[derive(Clone)]
pub struct Session<T: Task, B: Backend> {
    model: Arc<Model<T>>,
    backend: B,
    weights: Arc<Weights<B>>,
    workspaces: Arc<Workspaces<T, B>>,
}

/// Workspaces for reuse.
type Workspaces<T, B> = Mutex<Vec<<<T as Task>::Network as Network>::Workspace<B>>>;

impl<T: Task> Model<T> {
    /// A copy of the model on a backend. [`Session::new`] takes the model itself.
    pub fn on<B: Backend>(&self, backend: &B) -> Session<T, B> {
        Session::new(self.clone(), backend)
    }

    /// Its parameters on a backend, packed; `training` includes the backward pass.
    fn weights<B: Backend>(&self, backend: &B, training: bool) -> Weights<B> {
        let layout = self.task.network().layout();
        let mut weights = match (&self.params as &dyn Any).downcast_ref::<Vec<B::Real>>() {
            // No copy for f32 backends: allocating memory takes most of the loading time.
            Some(params) => Weights::new(layout, backend, params),
            None => {
                let params: Vec<_> = self.params.iter().map(|&x| B::Real::of(x.into())).collect();
                Weights::new(layout, backend, &params)
            }
        };
        weights.pack(backend, training);
        weights
    }
}

impl<T: Task, B: Backend> Session<T, B> {
    /// Transfers a model to a backend.
    pub fn new(model: impl Into<Arc<Model<T>>>, backend: &B) -> Self {
        let model = model.into();
        let weights = Arc::new(model.weights(backend, false));
        Self { model, backend: backend.clone(), weights, workspaces: Arc::default() }
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model<T>> {
        &self.model
    }

    /// The backend.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// The parameters on the backend, packed.
    pub fn weights(&self) -> &Arc<Weights<B>> {
        &self.weights
    }

    /// A copy of the parameters, packed for the backward pass too.
    pub(crate) fn training_weights(&self) -> Weights<B> {
        self.model.weights(&self.backend, true)
    }

    /// Calls `pass` with a reused workspace, so that steps allocate little.
    pub(crate) fn with_workspace<O>(
        &self,
        pass: impl FnOnce(&mut <T::Network as Network>::Workspace<B>) -> O,
    ) -> O {
        let free = || self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        let mut workspace = free().pop().unwrap_or_default();
        let output = pass(&mut workspace);
        free().push(workspace);
        output
    }
}

/// One time step of several sequences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StepInput<'a> {
    /// One id per sequence, `[rows]`.
    Ids(&'a [u32]),
    /// One frame per sequence, `[rows, I]`, in the unit of the data.
    Frames(&'a [f32]),
}

impl<'a> From<&'a [u32]> for StepInput<'a> {
    fn from(ids: &'a [u32]) -> Self {
        StepInput::Ids(ids)
    }
}

impl<'a> From<&'a [f32]> for StepInput<'a> {
    fn from(frames: &'a [f32]) -> Self {
        StepInput::Frames(frames)
    }
}

impl<'a> From<&'a Vec<u32>> for StepInput<'a> {
    fn from(ids: &'a Vec<u32>) -> Self {
        StepInput::Ids(ids)
    }
}

impl<'a> From<&'a Vec<f32>> for StepInput<'a> {
    fn from(frames: &'a Vec<f32>) -> Self {
        StepInput::Frames(frames)
    }
}

/// The number of rows of a state.
///
/// # Errors
/// [`Error::Input`] for a state of other layers.
pub(crate) fn rows_of<R>(specs: &[RecurrentSpec], state: &[State<R>]) -> Result<usize> {
    let rows = match (specs, state) {
        ([spec, ..], [first, ..]) => first.h.len() / spec.hidden_size,
        _ => 0,
    };
    let fits = |(spec, state): (&RecurrentSpec, &State<R>)| {
        let len = rows * spec.hidden_size;
        let cells = if spec.cell.has_cell_state() { len } else { 0 };
        state.h.len() == len && state.c.len() == cells
    };
    match specs.len() == state.len() && specs.iter().zip(state).all(fits) {
        true => Ok(rows),
        false => {
            let expected = "start with `zero_state` of this session";
            Err(Error::wrong_kind("the state", "does not match the layers of this model", expected))
        }
    }
}

/// Checks the number of elements of a step.
pub(crate) fn check_step(what: &'static str, found: usize, expected: usize) -> Result<()> {
    match found == expected {
        true => Ok(()),
        false => Err(Error::input("the step", InputProblem::Size { what, found, expected })),
    }
}

/// Checks that ids are below the vocabulary size.
pub(crate) fn check_ids(ids: &[u32], vocab_size: usize) -> Result<()> {
    match ids.iter().find(|&&id| id as usize >= vocab_size) {
        None => Ok(()),
        Some(id) => {
            let expected = format!("the vocabulary has {vocab_size} ids, from 0");
            Err(Error::wrong_kind("the step", format!("has the id {id}"), expected))
        }
    }
}

/// Refuses bidirectional layers.
pub(crate) fn check_causal(layers: &RecurrentLayers) -> Result<()> {
    match layers.bidirectional {
        false => Ok(()),
        true => Err(Error::Model { name: "the model".to_owned(), problem: ModelProblem::NotCausal }),
    }
}

/// A borrowed or shared value.
pub enum Handle<'a, X> {
    /// A reference.
    Borrowed(&'a X),
    /// A reference-counted value.
    Shared(Arc<X>),
}

impl<X> Deref for Handle<'_, X> {
    type Target = X;

    fn deref(&self) -> &X {
        match self {
            Handle::Borrowed(borrowed) => borrowed,
            Handle::Shared(shared) => shared,
        }
    }
}

impl<'a, X> From<&'a X> for Handle<'a, X> {
    fn from(borrowed: &'a X) -> Self {
        Handle::Borrowed(borrowed)
    }
}

impl<X> From<Arc<X>> for Handle<'_, X> {
    fn from(shared: Arc<X>) -> Self {
        Handle::Shared(shared)
    }
}

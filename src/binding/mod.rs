//! What JavaScript sees, and the only folder that names napi: conversion, no logic.
//!
//! Everything here belongs to one environment (`environment`) and its thread; what runs on tokio calls in through
//! `event_loop::Waker`.

mod amqp;
mod async_context;
mod broker;
mod callback;
mod descriptor;
mod environment;
mod exit;
mod external_memory;
mod ipc;
mod memory;
mod messages;
mod net;
mod pinned;
mod process;
mod shared_array;
mod shared_state;
mod stream;
mod ticks;
mod version;

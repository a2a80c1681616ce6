//! The AMQP client as JavaScript holds it.

mod connection;
mod options;

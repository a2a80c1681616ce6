//! Frames and methods of AMQP 0-9-1 (specification section 4.2).
//!
//! Methods that are rare go through amq-protocol's codec (`method`); what is sent per message (publish, deliver,
//! content headers, bodies) is cut and written by hand in place (`frame`, `content`), since that is where a client and a
//! broker spend their time.

pub mod content;
pub mod frame;
pub mod method;
pub mod outgoing;
pub mod table;

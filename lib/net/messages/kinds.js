'use strict';

// Kinds of frames: the low byte of a tag. See src/messages/frame.rs.
module.exports = { MESSAGE: 0, REQUEST: 1, RESPONSE: 2, ERROR: 3, CANCEL: 4 };

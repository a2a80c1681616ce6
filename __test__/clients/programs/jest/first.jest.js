require('./tests')('first');

require('./tests')('second');

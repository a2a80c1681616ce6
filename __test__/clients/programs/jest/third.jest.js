require('./tests')('third');

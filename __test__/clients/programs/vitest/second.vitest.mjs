import { defineTests } from './tests.mjs';

defineTests('second');

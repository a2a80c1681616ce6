import { defineTests } from './tests.mjs';

defineTests('third');

import { defineTests } from './tests.mjs';

defineTests('first');

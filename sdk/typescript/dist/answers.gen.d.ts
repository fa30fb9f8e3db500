import type { Documented } from './answers.js';
export declare const documented: Documented;

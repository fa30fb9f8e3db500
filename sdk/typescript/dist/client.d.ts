import type { Client, RequestOptions } from './generated/client/index.js';
interface SseEvent {
    data: unknown;
    event?: string;
    id?: string;
    retry?: number;
}
type SseOptions = RequestOptions & {
    onSseError?: (error: unknown) => void;
    onSseEvent?: (event: SseEvent) => void;
    sseDefaultRetryDelay?: number;
    sseMaxRetryAttempts?: number;
    sseMaxRetryDelay?: number;
    sseSleepFn?: (ms: number) => Promise<void>;
};
/** The client, restricted to documented answers, with streams that are reopened until their end. */
export declare function checked(client: Client): Client;
/** Waits until the time is over or the signal is aborted. */
export declare function sleep(ms: number, { signal, sseSleepFn }: Pick<SseOptions, 'signal' | 'sseSleepFn'>): Promise<void>;
export {};

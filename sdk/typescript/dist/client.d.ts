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
/** The client, with nothing but documented answers, and streams that go on to their end. */
export declare function checked(client: Client): Client;
/** Waits, or until the signal is aborted. */
export declare function sleep(ms: number, { signal, sseSleepFn }: Pick<SseOptions, 'signal' | 'sseSleepFn'>): Promise<void>;
export {};

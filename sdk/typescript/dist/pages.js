/** Every item of a list, page by page; `lists.gen.ts` has an iterator for each list. Throws `ProblemError`. */
export async function* all(list, options, defaults, fixed) {
    const query = { limit: 100, ...defaults, ...options.query, ...fixed };
    for (;;) {
        const { data: page, error } = await list({ ...options, query });
        if (page === undefined) {
            throw error;
        }
        yield* page.data;
        if (page.next_cursor === null) {
            return;
        }
        query.after = page.next_cursor;
    }
}

/** Throws `TypeError` for what is no array, like the text that plain JavaScript lets through. */
export function requireList(name, value) {
    if (!Array.isArray(value)) {
        throw new TypeError(`${name} must be an array, such as [value], not a ${typeof value}`);
    }
}

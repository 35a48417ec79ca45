// The classes of a model beside its ONNX file, for programs that do not read its metadata.

/** Name of the file. */
export const LABELS_FILE = "labels.json";

/** Its content: a list of the classes, by number. */
export const labelsJson = (classes: readonly string[]): string => `${JSON.stringify(classes, null, 2)}\n`;

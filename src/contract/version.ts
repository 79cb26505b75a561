/** The version of the reports' shapes. It rises when a field is removed or changes its meaning. */
export const REPORT_VERSION = 1

/** Another process runs the job already. The conventional code for "try again later". */
export const busyCode = 75;

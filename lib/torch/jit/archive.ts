import { ArgumentError } from '../../errors.ts';
import { type ArchiveEntry, readArchive } from '../io/archive.ts';
import { contentProblem } from './contents.ts';

/**
 * The files of a TorchScript archive.
 *
 * @throws ArgumentError with the code `ERR_FILE` for what `readArchive` refuses, for what is no TorchScript, such as a
 * pickle, and for content that would have libtorch read or take memory beyond it, or nest beyond its stack
 */
export function readScriptArchive(bytes: Uint8Array): ReadonlyMap<string, ArchiveEntry> {
  const entries = readArchive(bytes);
  if (!entries.has('constants.pkl') || ![...entries.keys()].some((name) => name.startsWith('code/'))) {
    if (entries.has('archive_format'))
      refuse('it is a .pt2 package, not TorchScript; torch.inductor.aotiLoadPackage loads a compiled one');
    if (entries.has('data.pkl'))
      refuse(
        'it was written by torch.save, a pickle that only Python can run; save the weights as safetensors there',
      );
    refuse('it has no code of a model');
  }
  const problem = contentProblem(entries);
  if (problem !== undefined) refuse(problem);
  return entries;
}

function refuse(reason: string): never {
  throw new ArgumentError(`Expected a TorchScript archive: ${reason}`, 'ERR_FILE');
}

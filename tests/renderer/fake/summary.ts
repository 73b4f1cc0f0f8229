/** Projects as Home lists them. */
import type { Project, ProjectSummary } from '../../../src/contract/project'

/** The project among those of Home. */
export function summary({ id, name, updatedAt, runs: [run] }: Project): ProjectSummary {
  return {
    id,
    name,
    updatedAt,
    model: 'lenet5.onnx',
    data: 'digits',
    result: 'lenet5 · 10.9× smaller download, −0.6 points',
    ...(run && {
      run: { id: run.id, status: run.status, resumable: run.resumable, createdAt: run.createdAt },
      points: [
        { share: 0.5, pointsLost: 0, insideLimit: true },
        { share: 0.09, pointsLost: 0.6, insideLimit: true },
        { share: 0.04, pointsLost: 3, insideLimit: false },
      ],
    }),
  }
}

export { judgementText, judgementsText } from './judgement-text.ts';
export {
  isLanguageModelFile,
  type Judgement,
  judgeLanguageModel,
  readJudgingData,
} from './judge-language-model.ts';

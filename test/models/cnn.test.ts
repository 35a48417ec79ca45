import { cnn } from "../../src/models/cnn.ts";
import { modelTests } from "./model-tests.ts";

modelTests(cnn, [{ width: 8, hidden: 32 }]);
